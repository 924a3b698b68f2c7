"""A contact sheet of a corpus: a sample of its results, to see at a glance that they are right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.corpus.rows import ClipRow, read_rows
from smirk3d.corpus.state import read_plan
from smirk3d.corpus.tables import OWN_FOLDER
from smirk3d.errors import InputError
from smirk3d.export.pictures.face_pictures import overlay, render
from smirk3d.export.result import ResultRecord, read_photo, read_result
from smirk3d.preprocessing.media.image_io import write_png
from smirk3d.preprocessing.media.video_reader import VideoReader
from smirk3d.rendering.contact_sheet import contact_sheet

_SIDE = 200
"""Height in pixels of a picture on the sheet, by choice."""
_COLUMNS = 5
"""Pictures in a row of the sheet, by choice."""


def write_sheet(folder: Path, path: Path, count: int) -> int:
    """Write a PNG of a sample of results, and return how many it shows.

    The sample is the same at each call. A result is shown as the head over its picture, or over the
    frame in which its first person is seen best; where the input is gone, as the head alone.

    Raises:
        InputError: if the folder is no corpus, or no result has a face.
        OutputError: if the file cannot be written.
    """
    read_plan(folder)
    rows = [row for row in read_rows(folder / OWN_FOLDER).values() if row.faces and row.folder]
    rows = sorted(rows, key=lambda row: hashlib.sha256(row.id.encode()).digest())[:count]
    if not rows:
        raise InputError(f"{folder}: no result has a face to show")
    rows.sort(key=lambda row: row.id)
    pictures = [_picture(folder, row) for row in rows]
    write_png(path, contact_sheet(pictures, _COLUMNS, [row.id[-40:] for row in rows]))
    return len(rows)


def _picture(folder: Path, row: ClipRow) -> NDArray[np.uint8]:
    """Return the picture of a result, uint8 ``[_SIDE, W, 3]``."""
    record = read_result(folder / row.folder)
    image = _source(folder / row.folder, row, record)
    drawn = (
        render(record.faces[0], side=_SIDE) if image is None else overlay(record.faces[0], image)
    )
    width = max(1, round(drawn.shape[1] * _SIDE / drawn.shape[0]))
    return np.asarray(cv2.resize(drawn, (width, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _source(folder: Path, row: ClipRow, record: ResultRecord) -> NDArray[np.uint8] | None:
    """Return the picture that the first face was seen in, None where it is not there any more."""
    if record.video is None:
        photo = read_photo(folder)
        return None if photo is None or photo.shape[1::-1] != record.image_size else photo
    shown = record.video["people"][0]["shown_frame"]
    try:
        video = VideoReader(row.uri, start=row.start, end=row.end)
        return next((frame.image for frame in video.frames(shown)), None)
    except InputError:
        return None
