"""What /openapi.json says about bodies and answers, which the framework cannot see: our routes read and write them raw.

`parts` has the building blocks, the other modules one constant per route for its form and one for its answers. Data
only: tests send the documented fields, and compare real answers with the documented ones.
"""

from harken.api.schema.parts import (
    AUDIO_FILE,
    BOOLEAN,
    COUNT,
    NULLABLE_NUMBER,
    NULLABLE_TEXT,
    NUMBER,
    TEXT,
    Responses,
    Schema,
    choice,
    form,
    json_answer,
    json_body,
    listed,
    obj,
    openai_error,
    openai_errors,
    path_parameter,
    plain_errors,
    query_parameter,
)

__all__ = [
    "AUDIO_FILE",
    "BOOLEAN",
    "COUNT",
    "NULLABLE_NUMBER",
    "NULLABLE_TEXT",
    "NUMBER",
    "TEXT",
    "Responses",
    "Schema",
    "choice",
    "form",
    "json_answer",
    "json_body",
    "listed",
    "obj",
    "openai_error",
    "openai_errors",
    "path_parameter",
    "plain_errors",
    "query_parameter",
]
