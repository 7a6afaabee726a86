"""A prompt of a run, asked and answered on the terminal, line by line."""

from dataclasses import dataclass, field

from api.models import GiveAnswer, LivePrompt

LANGUAGE = "en"


@dataclass
class HandsOnTerminal:
    """One prompt: `question` is what to ask next (empty once all is answered), `take` its answer."""

    prompt: LivePrompt
    operator: str
    values: dict[str, float] = field(default_factory=dict)
    confirmed: list[int] = field(default_factory=list)
    person: str = ""

    @property
    def question(self) -> str:
        """The next question for a person."""
        if len(self.confirmed) < len(self.prompt.checks):
            return f"{self.prompt.checks[len(self.confirmed)][LANGUAGE]}? y, then Enter"
        if len(self.values) < len(self.prompt.questions):
            asked = self.prompt.questions[len(self.values)]
            return f"{asked.text[LANGUAGE]}, {asked.low:g} to {asked.high:g} {asked.unit}:"
        return "" if self.person else f"done by (Enter: {self.operator}):"

    def take(self, line: str) -> None:
        """Take the answer to `question`; one that is none changes nothing, and the question stays."""
        said = line.strip()
        if len(self.confirmed) < len(self.prompt.checks):
            if said.lower() in {"y", "yes"}:
                self.confirmed.append(len(self.confirmed))
        elif len(self.values) < len(self.prompt.questions):
            asked = self.prompt.questions[len(self.values)]
            try:
                value = float(said)
            except ValueError:
                return
            if asked.low <= value <= asked.high:
                self.values[asked.name] = value
        else:
            self.person = said or self.operator

    def answer(self) -> GiveAnswer:
        """What goes to the run."""
        return GiveAnswer(
            number=self.prompt.number, person=self.person, confirmed=self.confirmed, values=self.values
        )
