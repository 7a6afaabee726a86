"""A prompt on the terminal: asked line by line, until all of it is answered."""

from api.cli.hands import HandsOnTerminal
from api.models import LivePrompt

PROMPT = LivePrompt.model_validate(
    {
        "number": 3,
        "name": "level-the-measure",
        "text": {"en": "Level the measure.", "zh-TW": "調平量桶。"},
        "checks": [{"en": "Bubble in its ring", "zh-TW": "氣泡在圈內"}],
        "questions": [
            {
                "name": "slope",
                "text": {"en": "Slope", "zh-TW": "傾斜"},
                "unit": "mm/m",
                "low": -1.0,
                "high": 1.0,
            }
        ],
    }
)


def test_a_prompt_is_answered_line_by_line() -> None:
    """What is no answer leaves the question; Enter alone names the operator; the whole goes to the run."""
    hands = HandsOnTerminal(PROMPT, "J. Lin")
    asked = []
    for line in ("no\n", "y\n", "steep\n", "2\n", "0.5\n", "\n"):
        asked.append(hands.question)
        hands.take(line)
    assert asked == [
        *(["Bubble in its ring? y, then Enter"] * 2),
        *(["Slope, -1 to 1 mm/m:"] * 3),
        "done by (Enter: J. Lin):",
    ]
    assert hands.question == ""
    assert hands.answer().model_dump() == {
        "number": 3,
        "person": "J. Lin",
        "confirmed": [0],
        "values": {"slope": 0.5},
        "run": None,
    }
