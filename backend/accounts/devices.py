"""A browser in words, as it calls itself; enough for its owner to recognise it in a list."""

from backend.i18n import gettext as _

# The first that is found counts: browsers name their relatives as well.
BROWSERS = (
    ("MicroMessenger/", _("微信")),
    ("DingTalk/", _("钉钉")),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("HuaweiBrowser/", _("华为浏览器")),
    ("MiuiBrowser/", _("小米浏览器")),
    ("QQBrowser/", _("QQ 浏览器")),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def describe(user_agent: str) -> str:
    """For example `Chrome（Windows）`."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser and system:
        return _("%(browser)s（%(system)s）") % {"browser": browser, "system": system}
    return browser or system or _("未能识别的浏览器")
