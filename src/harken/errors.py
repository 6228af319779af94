"""Every way a request can fail, in one tree.

A leaf has an HTTP status, a stable code that clients may switch on, and whether another instance (or a later try) could
succeed. The edge turns a leaf into an answer in one place (`api/`); the wire carries it between gateway and instance by
its code. The table of all codes is in docs/reference/errors.md, and a test compares the two.
"""

from __future__ import annotations

from typing import ClassVar


class HarkenError(Exception):
    """A failure that a client or operator may see.

    Args:
        message: one sentence that says what is wrong and, where possible, what would help.
        retry_after_s: whole seconds after which trying again makes sense, where that is known.
        field: the field of the request that is at fault, where it is one.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False
    default: ClassVar[str] = "Something went wrong inside the server."

    def __init__(self, message: str = "", *, retry_after_s: int | None = None, field: str | None = None) -> None:
        super().__init__(message or self.default)
        self.message = message or self.default
        self.retry_after_s = retry_after_s
        self.field = field


class InternalError(HarkenError):
    """A defect of ours. The request id in the answer is in the log, beside the traceback."""


# --- the client's input -------------------------------------------------------------------------------------------


class ClientError(HarkenError):
    """The request must change before it can succeed."""

    status = 400
    code = "bad_request"
    default = "The request cannot be understood."


class MissingAudio(ClientError):
    """No file in the form."""

    code = "missing_audio"
    default = "No audio file was provided."


class EmptyAudio(ClientError):
    """A file without a single sample."""

    code = "empty_audio"
    default = "The audio file is empty."


class UndecodableAudio(ClientError):
    """Not a recording in any container or codec that we read."""

    code = "undecodable_audio"
    default = "The file is not audio that can be decoded."


class TruncatedAudio(ClientError):
    """The file ends before its audio does; part of the speech would be missing."""

    code = "truncated_audio"
    default = "The audio file is cut off: it ends before its audio does."


class UnknownLanguage(ClientError):
    """A language that the model does not know."""

    code = "unknown_language"
    default = "That language is not known."


class UnsupportedOption(ClientError):
    """A documented field with a value that this server cannot honour."""

    code = "unsupported_option"
    default = "That option is not supported."


class NoWordTimes(ClientError):
    """Times of words were asked for where no aligner is loaded, or for a language that it does not know."""

    code = "no_word_times"
    default = "Word times are not available here: no aligner is loaded."


class InvalidKey(ClientError):
    """No API key was sent, or it is unknown or revoked."""

    status = 401
    code = "invalid_api_key"
    default = "A valid API key is needed: send it as 'Authorization: Bearer …'."


class NotPermitted(ClientError):
    """The key is valid, but not for this."""

    status = 403
    code = "not_permitted"
    default = "This needs an admin key."


class RateLimited(ClientError):
    """The key has used up its requests or audio-seconds of this minute; `retry_after_s` says when there are more."""

    status = 429
    code = "rate_limit_exceeded"
    default = "The rate limit of this key is reached."


class JobNotFound(ClientError):
    """No job of that id, or not this key's."""

    status = 404
    code = "job_not_found"
    default = "There is no such job."


class JobConflict(ClientError):
    """The job's state does not allow it: results before the end, cancelling after it."""

    status = 409
    code = "job_conflict"
    default = "The state of the job does not allow that."


class ModelNotFound(ClientError):
    """The request names a model that is not served here."""

    status = 404
    code = "model_not_found"
    default = "That model is not served here."


class NotFound(ClientError):
    """No such route."""

    status = 404
    code = "not_found"
    default = "There is nothing at this address."


class MethodNotAllowed(ClientError):
    """The route exists, for another method."""

    status = 405
    code = "method_not_allowed"
    default = "This method is not allowed here."


class RangeNotSatisfiable(ClientError):
    """A range of a model's file that begins behind its end."""

    status = 416
    code = "range_not_satisfiable"
    default = "The file does not have that range."


class UploadTooLarge(ClientError):
    """More bytes than the server accepts."""

    status = 413
    code = "upload_too_large"
    default = "The upload is too large."


class HeadTooLarge(ClientError):
    """A request line and headers of more bytes, or more lines, than the server accepts."""

    status = 431
    code = "head_too_large"
    default = "The head of the request is too large."


class UpgradeRequired(ClientError):
    """An address for WebSockets was asked without a WebSocket handshake, or with one that is none."""

    status = 426
    code = "upgrade_required"
    default = "This address is for WebSockets; a proxy in between has to pass the upgrade on."


class AudioTooLong(ClientError):
    """More seconds of audio than the server accepts."""

    status = 413
    code = "audio_too_long"
    default = "The recording is too long."


class SessionUnknown(ClientError):
    """No live session of that id waits here to be resumed, or it is not this key's, or too much was missed."""

    status = 404
    code = "session_unknown"
    default = "There is no such session to resume here."


class SessionIdle(ClientError):
    """A live session to which no audio comes, or in which nobody speaks."""

    status = 408
    code = "session_idle"
    default = "Nothing was heard for too long."


class SessionExpired(ClientError):
    """A live session that has gone on for as long as one may."""

    status = 408
    code = "session_expired"
    default = "The session has reached its longest duration; open another one."


class SlowReader(ClientError):
    """A live client that does not read what it is sent."""

    status = 408
    code = "slow_reader"
    default = "The client did not read what it was sent."


# --- the server's state -------------------------------------------------------------------------------------------


class NotOffered(HarkenError):
    """A part of OpenAI's API that this kind of model has no answer for (translation)."""

    status = 501
    code = "not_offered"
    default = "This server does not offer that."


class Unavailable(HarkenError):
    """The server cannot take this now; the same request may succeed later."""

    status = 503
    code = "unavailable"
    retryable = True
    default = "The server cannot take this request now."


class QueueFull(Unavailable):
    """As much audio waits already as may wait."""

    code = "queue_full"
    default = "Too much audio is waiting already."


class LiveFull(Unavailable):
    """As many live sessions as the instances can follow."""

    code = "live_full"
    default = "As many people speak already as can be followed."


class StateUnavailable(Unavailable):
    """The state folder or the database in which jobs and keys are kept cannot be used."""

    code = "state_unavailable"
    default = "The server's database cannot be used."


class StorageFull(Unavailable):
    """The disk has no room for the recording."""

    status = 507
    code = "storage_full"
    default = "The server has no room to store this recording."


class NoReadyInstance(Unavailable):
    """No instance became ready while the request waited."""

    code = "no_ready_instance"
    default = "No instance is ready."


class Draining(Unavailable):
    """The server is shutting down and takes nothing new."""

    code = "draining"
    default = "The server is shutting down."


class TimedOut(Unavailable):
    """It waited or ran longer than is allowed."""

    status = 504
    code = "timed_out"
    default = "The request took too long."


class DeadlineExceeded(HarkenError):
    """The client said until when it has use for an answer, and that time has come."""

    status = 504
    code = "deadline_exceeded"
    default = "The deadline of this request has passed."


class InstanceFailed(HarkenError):
    """An instance died, hung or broke the protocol while it worked on a segment."""

    status = 502
    code = "instance_failed"
    retryable = True
    default = "The instance that worked on this request failed."


class EngineFailed(HarkenError):
    """The model itself raised an error on this segment."""

    code = "engine_failed"
    retryable = True
    default = "The engine failed on this segment."


# --- set-up -------------------------------------------------------------------------------------------------------


class SetupError(HarkenError):
    """Harken cannot start as it was told to; trying again without a change will not help."""

    code = "setup_error"
    default = "Harken cannot start."


class ConfigError(SetupError):
    """A configuration file, variable or flag is wrong."""

    code = "config_error"
    default = "The configuration is wrong."


class CheckpointError(SetupError):
    """A model folder is incomplete, or does not match its configuration."""

    code = "checkpoint_error"
    default = "The checkpoint cannot be used."


class ModelUnavailable(SetupError):
    """The model's weights are neither on this machine nor downloadable."""

    code = "model_unavailable"
    default = "The model's weights are not available."


class PluginFailed(SetupError):
    """An engine of another package cannot be imported or loaded, or says impossible things of itself."""

    code = "plugin_failed"
    default = "The engine cannot be loaded."


class CanaryFailed(SetupError):
    """The loaded model does not recognise a recording whose text is known; it would serve nonsense."""

    code = "canary_failed"
    default = "The model does not recognise its canary recording."


def is_our_failure(kind: type[HarkenError]) -> bool:
    """Tell whether a request that ends so was failed by the server.

    Not: the client's mistakes, its own deadline, and what no server of this kind offers.
    """
    return kind.status >= 500 and not issubclass(kind, ClientError | DeadlineExceeded | NotOffered)


def leaves() -> dict[str, type[HarkenError]]:
    """Map every stable code to its class (the most general class wins where two share one)."""
    found: dict[str, type[HarkenError]] = {}
    pending: list[type[HarkenError]] = [HarkenError]
    while pending:
        kind = pending.pop(0)
        found.setdefault(kind.code, kind)
        pending.extend(kind.__subclasses__())
    return found
