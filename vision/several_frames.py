"""Several readings of one value that stands still, combined to one."""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev

from vision.reading import Answer, Reading, Reason, Refusal


def combined(kind: str, answers: Sequence[Answer]) -> Answer:
    """The mean of the readings among `answers`, or the commonest refusal where under half are readings.

    The scatter between frames is the term `frames`, divided by √n; the terms that frames share are not.
    Refused frames are left out and named.
    """
    good = [answer for answer in answers if isinstance(answer, Reading)]
    bad = [answer for answer in answers if isinstance(answer, Refusal)]
    if not answers:
        return Refusal(kind, Reason.NOT_AN_IMAGE, "there is no frame to read")
    if 2 * len(good) < len(answers):
        reasons = [refusal.reason for refusal in bad]
        reason = max(reasons, key=reasons.count)
        first = next(refusal for refusal in bad if refusal.reason is reason)
        said = f"{len(bad)} of {len(answers)} frames cannot be read, most because: {first.detail}"
        return Refusal(kind, reason, said, first.drawing)
    values = [reading.value for reading in good]
    names = list(dict.fromkeys(name for reading in good for name in reading.terms))
    terms = {name: sqrt(mean(reading.terms.get(name, 0.0) ** 2 for reading in good)) for name in names}
    notes = list(dict.fromkeys(note for reading in good for note in reading.notes))
    if len(good) > 1:
        terms["frames"] = stdev(values) / sqrt(len(good))
    if bad:
        said = f"{len(bad)} of {len(answers)} frames were refused"
        notes.append(f"{said} ({bad[0].reason}: {bad[0].detail})")
    middle = min(good, key=lambda reading: abs(reading.value - mean(values)))
    return Reading(
        kind=kind,
        value=mean(values),
        unit=middle.unit,
        standard_uncertainty=sqrt(sum(u * u for u in terms.values())),
        terms=terms,
        notes=tuple(notes),
        drawing=middle.drawing,
    )
