"""Why a file is not taken; each reason is shown beside the file field."""

from backend.errors import DomainError


class FileRefused(DomainError):
    """The file cannot be taken as it is; the wording says why and what to do."""

    status = 422
    zh = "这个文件无法接收，请换一个文件。"
    en = "This file cannot be accepted. Please choose another one."


class StorageUnavailable(DomainError):
    """The storage has no room, or does not answer; nothing was kept."""

    status = 503
    zh = "文件暂时无法保存，可能是存储空间不足。附件没有上传，请稍后重试，或联系平台管理员。"
    en = "The file could not be stored, perhaps for lack of space. Nothing was uploaded; please try again later."


class ChecksBusy(DomainError):
    """Other files are being checked, and this one has waited long enough; nothing was kept."""

    status = 503
    zh = "正在检查其他用户上传的文件，请稍后重新上传。"
    en = "Other files are being checked. Please upload this one again in a moment."


def not_what_it_says(ending: str) -> FileRefused:
    """The content is not of the kind that the name tells."""
    return FileRefused(
        f"文件内容与扩展名 .{ending} 不符，或者文件已损坏。请用原来的软件打开确认后，重新保存再上传。",
        f"The content does not fit the ending .{ending}, or the file is damaged. Open it, save it anew, and try again.",
    )


def too_complex() -> FileRefused:
    """What the file unpacks to is out of proportion."""
    return FileRefused(
        "文件解压后过大或结构过于复杂，无法检查。请拆分后再上传。",
        "The file unpacks to too much to be checked. Please split it.",
    )


def active(what_zh: str, what_en: str) -> FileRefused:
    """The file could do something when it is opened."""
    return FileRefused(
        f"文件中含有{what_zh}，为安全起见不予接收。请去除后另存再上传。",
        f"The file holds {what_en} and is refused for safety. Please remove them, save the file, and try again.",
    )
