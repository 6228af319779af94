"""The public HTTP API: one set of routes over one `Recognizer`, the same on an instance and on the gateway.

`app.create_app` puts it together. Every failure is turned into an answer in `errors`, every answer carries its request
id (`edge`), every body is bounded before and while it is read (`upload`). docs/reference/http.md describes each route,
and a test compares it with the routes that exist.
"""
