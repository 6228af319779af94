"""Structured logs: on standard error, and for a gateway also in rotated files of its run folder.

Events are short dotted names ("instance.ready", "segment.failed"); ids come first. No transcript text is ever logged.
The invariant: logging never blocks and never raises. A full disk, a closed terminal or a pipe that nobody reads may
cost lines of the log, and how many is said once it can be written again; it must not cost a request.
"""

from harken.log.line_writer import LineWriter
from harken.log.log import Logger, check_log, get_log, set_up_log
from harken.log.log_files import OWNER, LogFiles

__all__ = ["OWNER", "LineWriter", "LogFiles", "Logger", "check_log", "get_log", "set_up_log"]
