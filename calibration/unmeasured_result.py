"""The result of a procedure that measures nothing: what was done, and by whom."""

from collections.abc import Mapping, Sequence
from typing import Any

from calibration.result_words import heading
from calibration.run_settings import run_settings


def unmeasured_result(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """No figure and no verdict: the steps that were done, with the answers of technicians."""
    settings = run_settings(lines[0].get("data", {}))
    steps = [line for line in lines if line.get("kind") == "step" and line["data"]["step"] != "make-ready"]
    answers = [line for line in lines if line.get("kind") == "answer"]
    return {
        **heading(settings),
        "verdict": {
            "outcome": "none",
            "sentence": "No verdict: this procedure measures nothing.",
        },
        "findings": [],
        "evidence": [],
        "tables": [
            {
                "title": "Steps",
                "head": ["t / s", "step"],
                "rows": [[float(line["t_s"]), line["data"]["step"]] for line in steps],
            },
            *(
                [
                    {
                        "title": "A technician's hands",
                        "head": ["t / s", "what", "by"],
                        "rows": [
                            [float(line["t_s"]), line["data"]["prompt"], line["data"]["person"]]
                            for line in answers
                        ],
                    }
                ]
                if answers
                else []
            ),
        ],
        "notes": [],
    }
