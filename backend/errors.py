"""Domain errors: each carries its HTTP status and a wording for users in Chinese and English."""


class DomainError(Exception):
    """Something a user did, or met, that cannot go on; shown to the user as it stands."""

    status: int = 400
    zh: str = "操作未能完成。"
    en: str = "The operation could not be completed."

    def __init__(self, zh: str | None = None, en: str | None = None) -> None:
        self.zh = zh or self.zh
        self.en = en or self.en
        super().__init__(self.en)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer that belong to the error."""
        return {}


class NotFound(DomainError):
    """The thing is not there, or this viewer must not learn that it is."""

    status = 404
    zh = "没有找到这个页面，内容可能已撤回，或者您没有查看权限。"
    en = "This page was not found. Its content may have been withdrawn, or you may not be allowed to see it."


class Forbidden(DomainError):
    """The viewer knows the thing, but may not do this with it."""

    status = 403
    zh = "您没有进行这项操作的权限。如有需要，请联系本单位的管理成员。"
    en = "You are not allowed to do this. If you need to, ask an owner of your organisation."


class NotSignedIn(DomainError):
    """The page needs a signed-in user; pages answer with the way to the sign-in form."""

    status = 401
    zh = "请先登录。"
    en = "Please sign in first."


class Conflict(DomainError):
    """The state of the thing does not allow the action any more."""

    status = 409
    zh = "当前状态下不能进行这项操作，请刷新页面后重试。"
    en = "This cannot be done in the present state. Reload the page and try again."


class CrossSiteRequest(DomainError):
    """A write that came from another site's page."""

    status = 403
    zh = "请求来源异常，未予处理。请从本站页面重新提交。"
    en = "The request came from another site and was not carried out. Please submit it again from this site."


class BodyTooLarge(DomainError):
    """The request is larger than the server accepts."""

    status = 413
    zh = "提交的内容过大，未能接收。请删减后重试。"
    en = "The submission is too large and was not accepted. Please shorten it and try again."


class UnexpectedContent(DomainError):
    """The body is of a kind that the address does not take."""

    status = 415
    zh = "提交内容的格式不受支持，请从页面上的表单提交；程序请以 application/json 提交。"
    en = "Content of this kind is not accepted. Use the form on the page; programs send application/json."


class LinkExpired(DomainError):
    """A link of a mail that was used already, is too old, or was never sent."""

    status = 410
    zh = "这个链接已失效或已使用过。如仍需要，请从登录页重新申请。"
    en = "This link has expired or was used before. If you still need it, ask for a new one on the sign-in page."


class TooManyAttempts(DomainError):
    """Too much of the same in too short a time."""

    status = 429

    def __init__(self, retry_after: int) -> None:
        """`retry_after` is in seconds."""
        self.retry_after = max(1, retry_after)
        minutes = -(-self.retry_after // 60)
        super().__init__(
            f"尝试次数过多，请在 {minutes} 分钟后再试。",
            f"Too many attempts. Try again in {minutes} min.",
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}


class TooManyRequests(TooManyAttempts):
    """More pages or lists than anybody reads."""

    def __init__(self, retry_after: int) -> None:
        """`retry_after` is in seconds."""
        super().__init__(retry_after)
        self.zh = f"访问过于频繁，请在 {self.retry_after} 秒后再试。"
        self.en = f"Too many requests. Try again in {self.retry_after} s."


class SecondFactorMissing(DomainError):
    """A broker or administrator has not set up the second factor; pages answer with the way to it."""

    status = 403
    zh = "撮合员和管理员须先启用二次验证，再使用平台。"
    en = "Brokers and administrators have to set up two-step sign-in before they use the site."
