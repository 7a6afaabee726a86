"""From what a person names (pictures, folders, a station) to the jobs that it means."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from api.readings.jobs import Job, check
from vision.errors import ImageSetError
from vision.image_set import MANIFEST, Entry, ImageSet, Truth, is_image_set, pictures_in
from vision.station_file import Station

OVERLAY_SUFFIXES = (".jpg", ".png")


@dataclass(frozen=True)
class Description:
    """A station's instrument as a person chose it for pictures that no manifest describes."""

    station: Station
    instrument: str
    where: str

    def job(self, image: str, path: Path, truth: Truth) -> Job:
        """The job that reads this instrument in a picture."""
        chosen = self.station.instruments[self.instrument]
        camera = self.station.cameras[chosen.camera]
        return Job(image, path, chosen.description, camera.description, chosen.region, truth, self.where)


@dataclass(frozen=True)
class Source:
    """The jobs of some pictures and folders, in order; iterating reads the manifests and holds none of them.

    `overlays` is the folder for overlays, None for none. `description`, where given, takes the place of
    what manifests say of instrument and camera.
    """

    paths: Sequence[Path]
    description: Description | None = None
    overlays: Path | None = None
    _beside: dict[Path, dict[str, list[Entry]]] = field(default_factory=dict, compare=False)

    def __iter__(self) -> Iterator[Job]:
        """The jobs. Raises `ImageSetError` for what is neither, or what nothing describes."""
        used: dict[str, int] = {}
        for job in self._plain():
            yield job if self.overlays is None else _with_overlay(job, self.overlays, used)

    @cached_property
    def total(self) -> int:
        """The number of jobs, every one of them checked.

        Raises `ImageSetError` and `StationError`, with file and line, for what cannot be read at all: before
        the first picture is opened.
        """
        count = 0
        for job in self._plain():
            check(job)
            count += 1
        if count == 0:
            names = ", ".join(str(path) for path in self.paths)
            raise ImageSetError(f"{names}: the manifest has no lines; expected one a picture")
        if self.overlays is not None:
            self._refuse_to_overwrite(self.overlays)
        return count

    def _plain(self) -> Iterator[Job]:
        folders = sum(1 for path in self.paths if path.is_dir())
        for path in self.paths:
            folder = path.parent if path.name == MANIFEST else path
            prefix = f"{folder}/" if folders > 1 else ""
            if is_image_set(folder):
                for entry in ImageSet(folder):
                    yield self._of_entry(entry, prefix + entry.image)
            elif path.is_dir():
                yield from self._of_folder(path, prefix)
            elif path.exists():
                yield from self._of_picture(path)
            else:
                raise ImageSetError(
                    f"{path}: there is no such file or folder; expected pictures or an image set"
                )

    def _of_entry(self, entry: Entry, image: str) -> Job:
        if self.description is not None:
            return self.description.job(image, entry.path, entry.truth)
        if entry.instrument is None:
            raise ImageSetError(
                f"{entry.where}: instrument is missing; expected one, or a station (--station FILE)"
            )
        return Job(image, entry.path, entry.instrument, entry.camera, entry.region, entry.truth, entry.where)

    def _of_folder(self, folder: Path, prefix: str) -> Iterator[Job]:
        if self.description is None:
            raise ImageSetError(
                f"{folder}: there is no {MANIFEST}; expected one, or a station that describes the pictures "
                "(--station FILE)"
            )
        for picture in pictures_in(folder):
            yield self.description.job(prefix + picture.name, picture, Truth())

    def _of_picture(self, path: Path) -> Iterator[Job]:
        entries = self._entries_beside(path.parent).get(path.name, [])
        if self.description is not None:
            yield self.description.job(str(path), path, entries[0].truth if entries else Truth())
            return
        if not entries:
            raise ImageSetError(
                f"{path}: nothing says what it shows; expected a station (--station FILE) or a {MANIFEST} "
                "beside it that lists it"
            )
        for entry in entries:
            yield self._of_entry(entry, str(path))

    def _entries_beside(self, folder: Path) -> Mapping[str, list[Entry]]:
        if folder not in self._beside:
            entries: dict[str, list[Entry]] = {}
            if is_image_set(folder):
                for entry in ImageSet(folder):
                    entries.setdefault(entry.image, []).append(entry)
            self._beside[folder] = entries
        return self._beside[folder]

    def _refuse_to_overwrite(self, overlays: Path) -> None:
        for path in self.paths:
            folder = path if path.is_dir() else path.parent
            if overlays.resolve() == folder.resolve():
                raise ImageSetError(
                    f"{overlays}: holds the pictures themselves; expected another folder for overlays"
                )


def _with_overlay(job: Job, folder: Path, used: dict[str, int]) -> Job:
    """The job with its overlay's name: the picture's, one that is free where several share it."""
    flat = "__".join(part for part in PurePosixPath(job.image).parts if part not in ("/", "..", "."))
    path = Path(flat)
    suffix = path.suffix.lower() if path.suffix.lower() in OVERLAY_SUFFIXES else ".jpg"
    stem = path.stem if path.suffix.lower() in OVERLAY_SUFFIXES else path.name
    number = used[flat] = used.get(flat, 0) + 1
    name = f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}"
    return Job(
        job.image, job.path, job.instrument, job.camera, job.region, job.truth, job.where, folder / name
    )
