"""A load test as one page of HTML: `charts` draws, `pictures` says what is drawn, `page` puts it together.

The page needs nothing but itself: no script, no request, no font. The invariant: it is well-formed XML whatever the
recordings, servers and errors are called.
"""
