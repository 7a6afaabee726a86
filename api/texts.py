"""The words of the pages, in the reader's language; one function, so that a catalogue can take its place."""

from collections.abc import Callable, Mapping

LANGUAGES: Mapping[str, str] = {"en": "English", "zh-TW": "中文"}
DEFAULT_LANGUAGE = "en"

_ZH_TW: Mapping[str, str] = {
    "Runs": "檢定紀錄",
    "Live": "即時畫面",
    "Live run": "即時檢定",
    "Start a run": "開始檢定",
    "Start": "開始",
    "Hold": "暫停",
    "Resume": "繼續",
    "Stop": "停止",
    "Abort": "中止",
    "Clear": "清除",
    "Measure": "量桶",
    "Procedure": "程序",
    "Station": "工作站",
    "Rig": "設備",
    "Rules": "規則",
    "Operator": "檢定人員",
    "Serial number": "器號",
    "State": "狀態",
    "Item": "器物",
    "Date": "日期",
    "Error": "器差",
    "Verdict": "判定",
    "Search": "搜尋",
    "All": "全部",
    "Show": "顯示",
    "Older runs": "較早的紀錄",
    "Newest runs": "最新的紀錄",
    "pass": "合格",
    "fail": "不合格",
    "undecided": "無法判定",
    "Idle": "待機",
    "Starting": "啟動中",
    "Execute": "執行中",
    "Holding": "暫停中",
    "Held": "已暫停",
    "Unholding": "恢復中",
    "Suspended": "等待中",
    "Completing": "完成中",
    "Complete": "完成",
    "Stopping": "停止中",
    "Stopped": "已停止",
    "Aborting": "中止中",
    "Aborted": "已中止",
    "Clearing": "清除中",
    "Interrupted": "中斷",
    "Camera": "攝影機",
    "Level": "液位",
    "Target": "目標",
    "Step": "步驟",
    "Next": "下一步",
    "Repeat": "重複",
    "Tags": "訊號",
    "Alarms": "警報",
    "none": "無",
    "Result": "結果",
    "Record": "紀錄",
    "Repeats": "重複量測",
    "Neck curve": "頸部曲線",
    "Residuals": "殘差",
    "Uncertainty budget": "不確定度評估",
    "Temperatures": "溫度",
    "Readings and their pictures": "讀數與影像",
    "Expanded uncertainty": "擴充不確定度",
    "Maximum permissible error": "公差",
    "Nominal volume": "標稱容量",
    "Volume": "容量",
    "Reading": "讀數",
    "Standard uncertainty": "標準不確定度",
    "Share": "占比",
    "Skip to content": "跳至內容",
    "Data as a table": "以表格顯示資料",
}
_CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": {}, "zh-TW": _ZH_TW}


def translator(language: str) -> Callable[[str], str]:
    """The function that says an English text in `language`; what has no translation stays English."""
    catalogue = _CATALOGUES.get(language, {})
    return lambda text: catalogue.get(text, text)


def catalogue(language: str) -> Mapping[str, str]:
    """All translations into `language`, for the scripts of the pages; empty for English."""
    return _CATALOGUES.get(language, {})


def choose_language(asked: str | None, remembered: str | None, accepted: str | None) -> str:
    """The language of a page: what was asked for now, else remembered, else what the browser accepts."""
    for candidate in (asked, remembered):
        if candidate is not None and candidate in LANGUAGES:
            return candidate
    for part in (accepted or "").split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-TW"
        if tag.startswith("en"):
            return "en"
    return DEFAULT_LANGUAGE
