"""The words of the pages, in the reader's language; one function, so that a catalogue can take its place."""

from collections.abc import Callable, Mapping

LANGUAGES: Mapping[str, str] = {"en": "English", "zh-TW": "中文"}
DEFAULT_LANGUAGE = "en"

_ZH_TW: Mapping[str, str] = {
    "Pages": "頁面",
    "Skip to content": "跳至內容",
    "Runs": "檢定紀錄",
    "Live": "即時畫面",
    "Live run": "即時檢定",
    "List of runs": "檢定紀錄清單",
    "Watch the live run": "觀看進行中的檢定",
    "Start a run": "開始檢定",
    "Rig, station and rules": "設備、工作站與規則",
    "as in its file": "依設定檔",
    "item, operator or run": "器物、檢定人員或編號",
    "No run yet: the first one is a click away.": "尚無紀錄，請開始第一次檢定。",
    "No run matches.": "沒有符合的紀錄。",
    "Commands": "指令",
    "Start": "開始",
    "Hold": "暫停",
    "Resume": "繼續",
    "Stop": "停止",
    "Abort": "中止",
    "Cancel": "取消",
    "The bench is in order: clear": "已確認檢定台狀況，解除中止",
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
    "no verdict": "不判定",
    "Idle": "待機",
    "Starting": "啟動中",
    "Execute": "執行中",
    "Held": "已暫停",
    "Suspended": "等待中",
    "Completing": "完成中",
    "Complete": "完成",
    "Stopping": "停止中",
    "Stopped": "已停止",
    "Aborting": "中止中",
    "Aborted": "已中止",
    "Clearing": "解除中",
    "Interrupted": "中斷",
    "Damaged": "紀錄損壞",
    "Camera": "攝影機",
    "No picture yet": "尚無影像",
    "The neck as the camera sees it, with the reading drawn in": "頸部影像與讀數標示",
    "The meniscus, enlarged, with the reading drawn in": "彎月面放大影像與讀數標示",
    "The neck with the reading drawn in": "頸部影像與讀數標示",
    "Level": "液位",
    "Level towards the target": "液位與目標",
    "the last reading; the water has moved since": "此為上次讀數，水位已變動",
    "refused": "無法讀取",
    "unknown": "未知",
    "Target": "目標",
    "To go": "尚差",
    "Step": "步驟",
    "Next": "下一步",
    "Progress of the run": "檢定進度",
    "make-ready": "準備",
    "empty": "排空",
    "soak": "恆溫",
    "prewet": "預濕",
    "fill": "注水",
    "settle": "靜置",
    "read": "讀取",
    "weigh": "稱重",
    "drain": "排水",
    "Repeat": "重複",
    "Alarms": "警報",
    "Balance": "天平",
    "Flow": "流量",
    "Meter": "流量計",
    "Water": "水溫",
    "Vessel": "桶溫",
    "Air": "氣溫",
    "Coarse valve": "粗注閥",
    "Fine valve": "細注閥",
    "Drain valve": "排水閥",
    "Pump": "泵",
    "Door": "門",
    "closed": "關閉",
    "open": "開啟",
    "Emergency stop": "緊急停止",
    "pressed": "已按下",
    "released": "未按下",
    "The service does not answer; what is shown may be old.": "服務未回應，畫面可能不是最新狀態。",
    "the service does not answer": "服務未回應",
    "Open the result": "開啟結果",
    "No result": "沒有結果",
    "Expanded uncertainty": "擴充不確定度",
    "Maximum permissible error": "公差",
    "Volume": "容量",
    "probability that the item conforms": "合格機率",
    "The error with its expanded uncertainty against the limits.": "器差及其擴充不確定度與公差之比較。",
    "Error along the neck": "頸部各刻度器差",
    "Error of the scale against the reading, with the band of its expanded uncertainty.": (
        "刻度器差與讀數之關係，色帶為擴充不確定度。"
    ),
    "Neck curve": "頸部曲線",
    "Volume less nominal against the reading: points, fitted line and its band of ± U.": (
        "容量減標稱容量與讀數之關係：量測點、擬合線及其 ± U 色帶。"
    ),
    "Residuals": "殘差",
    "Distance of each point from the line, with its standard uncertainty.": (
        "各點與擬合線之差及其標準不確定度。"
    ),
    "Data as a table": "以表格顯示資料",
    "Repeats": "重複量測",
    "Range at the mark": "標線處全距",
    "limit": "限值",
    "kept": "符合",
    "exceeded": "超出",
    "no-limit": "無限值",
    "One delivery: its repeatability is not known": "僅一次量測，重複性未知",
    "Reading": "讀數",
    "full": "滿載",
    "drained": "排空後",
    "drip": "滴乾",
    "Uncertainty budget": "不確定度評估",
    "Standard uncertainty of the error": "器差之標準不確定度",
    "Standard uncertainty": "標準不確定度",
    "Quantity": "量",
    "Value": "值",
    "Contribution": "貢獻",
    "Share": "占比",
    "Source": "來源",
    "Temperatures": "溫度",
    "lowest": "最低",
    "highest": "最高",
    "What was assumed": "假設事項",
    "Readings and their pictures": "讀數與影像",
    "frame": "影像",
    "frames": "影像",
    "of reading": "，讀數",
    "Record": "紀錄",
    "Ended": "結束",
    "Hash of the last line": "末行雜湊值",
    "Files": "檔案",
    "Check it yourself": "自行驗證",
    "Gauges read by camera": "以攝影機判讀的儀表",
    "A technician's hands": "技術員操作",
    "Done by": "執行人員",
    "Done, go on": "完成，繼續",
    "confirm": "人工確認",
    "the gauge with the reading drawn in": "儀表影像與讀數標示",
    "rest": "靜止",
    "filling": "注水中",
    "by wire": "線路讀數",
    "by wire: unknown": "線路讀數：未知",
    "Gauge less wire, in the unit of the wire": "儀表讀數減線路讀數，單位同線路",
    "Instrument": "儀器",
    "compared": "比對次數",
    "mean difference": "平均差",
    "largest difference": "最大差",
    "water_temperature": "水溫",
    "balance": "天平",
    "line_pressure": "管路壓力",
    "Read pictures": "判讀影像",
    "The instrument to be read": "待判讀的儀器",
    "What does it show?": "讀數為何？",
    "Read it before you know what the program reads: that is why no reading is shown here.": (
        "請獨立判讀；為避免影響，此處不顯示程式的讀數。"
    ),
    "Known to ±": "判讀界限 ±",
    "Save, next": "儲存並繼續",
    "Cannot be read": "無法判讀",
    "Take back": "清除判讀",
    "Previous picture": "上一張",
    "Next picture": "下一張",
    "Next without a reading": "下一張未判讀",
    "Enlarge": "放大",
    "Pictures read": "已判讀影像",
    "Said: cannot be read": "已標為無法判讀",
    "Not read yet": "尚未判讀",
    "Said": "已判讀",
    "expected a number": "應為數字",
}
_EN: Mapping[str, str] = {  # what has a name in the record that is no English
    "water_temperature": "water temperature",
    "line_pressure": "line pressure",
}
_CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": _EN, "zh-TW": _ZH_TW}


def translator(language: str) -> Callable[[str], str]:
    """The function that says an English text in `language`; what has no translation stays English."""
    catalogue = _CATALOGUES.get(language, {})
    return lambda text: catalogue.get(text, text)


def catalogue(language: str) -> Mapping[str, str]:
    """All translations into `language`, for the scripts of the pages."""
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
