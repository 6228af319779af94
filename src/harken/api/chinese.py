"""`/asr` in Chinese: which language an error's message has, and what each error is called there. Pure.

The guide's clients read 未提供音频文件 where a file is missing. `Accept-Language` decides (RFC 9110, with its weights);
who does not ask for Chinese gets English. The English message follows in brackets where it says more than the code:
which field, which languages, which limit. A test demands a line for every code that a client can see.
"""

from __future__ import annotations

from harken.errors import HarkenError

MESSAGES = {
    "bad_request": "请求无法识别",
    "missing_audio": "未提供音频文件",
    "empty_audio": "音频文件为空",
    "undecodable_audio": "无法解码该文件：不是受支持的音频或视频",
    "truncated_audio": "音频文件不完整：数据提前结束",
    "unknown_language": "不支持该语言",
    "unsupported_option": "不支持该参数",
    "no_word_times": "此处无法提供词级时间戳",
    "wire_error": "不是有效的内部协议消息",
    "invalid_api_key": "需要有效的 API 密钥",
    "not_permitted": "没有权限：需要管理员密钥",
    "model_not_found": "此处未提供该模型",
    "not_found": "地址不存在",
    "job_not_found": "任务不存在",
    "method_not_allowed": "不支持该请求方法",
    "job_conflict": "任务当前状态不允许此操作",
    "upload_too_large": "上传的文件过大",
    "session_unknown": "没有可恢复的会话",
    "session_idle": "长时间没有收到语音，会话已结束",
    "session_expired": "会话已达到最长时间，请重新打开",
    "slow_reader": "客户端没有读取消息，连接已断开",
    "upgrade_required": "此地址仅供 WebSocket 使用",
    "audio_too_long": "音频时长超出限制",
    "range_not_satisfiable": "请求的范围超出了文件",
    "head_too_large": "请求头过大",
    "rate_limit_exceeded": "已达到该密钥的速率限制，请稍后重试",
    "internal_error": "服务器内部错误",
    "engine_failed": "模型识别失败",
    "instance_failed": "识别实例出现故障",
    "unavailable": "服务暂时不可用，请稍后重试",
    "queue_full": "排队的音频过多，请稍后重试",
    "live_full": "同时说话的人已满，请稍后重试",
    "no_ready_instance": "没有就绪的识别实例，请稍后重试",
    "draining": "服务器正在关闭，请稍后重试",
    "not_offered": "不提供此功能",
    "deadline_exceeded": "请求的截止时间已过。",
    "timed_out": "处理超时，请稍后重试",
    "state_unavailable": "服务器的数据库暂时不可用，请稍后重试",
    "storage_full": "服务器存储空间不足",
}
"""Code → message."""

_EXACT = frozenset({"missing_audio"})
"""The guide's own message, which its clients may compare."""


def message_in(language: str, error: HarkenError) -> str:
    """The message of an error in "zh" or "en"."""
    chinese = MESSAGES.get(error.code)
    if language != "zh" or chinese is None:
        return error.message
    if error.code in _EXACT or error.message == error.default:
        return chinese
    return f"{chinese}（{error.message}）"


def wanted_language(accept_language: str) -> str:
    """Return "zh" or "en": the one of higher weight in an Accept-Language header, the first of two equals."""
    best, weight = "en", 0.0
    for entry in accept_language.lower().split(","):
        tag, _, parameters = entry.partition(";")
        primary = tag.strip().partition("-")[0]
        found = _weight(parameters)
        if primary in ("zh", "en") and found > weight:
            best, weight = primary, found
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
