"""Label Studio: tasks with the choices of annotators (JSON and JSON-MIN), and tasks with a model's predictions.

Our tasks have two groups of choices, as `label_config` says: `theme` with one choice, `also` with any number. In other
projects there may be one group with several choices; which of them is primary cannot be known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tagger.atomic import written_whole
from tagger.errors import FormatError
from tagger.learning.exchange.entries import Entry, Problem, json_at, place_fields, place_of
from tagger.records import Tag
from tagger.themes import OTHER, Theme

THEME, ALSO, TEXT = "theme", "also", "text"  # names of our groups of choices, and of what they are about
MIN_FIELDS = frozenset(  # of JSON-MIN, beside the data and the choices
    {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "inner_id"}
)
PLACES = frozenset({"document", "source", "kind", "title", "headings"})


def read_label_studio(path: str | Path) -> Iterator[Entry | Problem]:
    """The tasks with what each annotator chose. Raises `InputError` if the file cannot be read or holds no tasks."""
    tasks = json_at(path)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        expected = "Label Studio 导出的 JSON 或 JSON-MIN"
        raise FormatError(path, found="不是一组任务", expected=expected, advice="重新导出")
    for number, task in enumerate(tasks, start=1):
        place = f"{path} 第 {number} 项（id {task['id']}）" if "id" in task else f"{path} 第 {number} 项"
        yield from _full(place, task) if isinstance(task.get("data"), dict) else _minimal(place, task)


def _full(place: str, task: Mapping[str, Any]) -> Iterator[Entry | Problem]:
    data = task["data"]
    text = data.get(TEXT)
    if not isinstance(text, str):
        yield Problem(place, f"data 里没有 {TEXT}")
        return
    meta = task.get("meta")
    where = place_of(data, meta if isinstance(meta, dict) else {})
    annotations = task.get("annotations", task.get("completions")) or []
    if not isinstance(annotations, list) or not annotations:
        yield Entry(place, text, **where)
        return
    for annotation in annotations:
        if not isinstance(annotation, dict):
            yield Problem(place, "annotations 里只有编号；请按 JSON 导出，不要用 task export 的简略形式", text)
        elif annotation.get("was_cancelled") or annotation.get("skipped"):
            yield Entry(place, text, **where)
        else:
            groups = _groups(annotation.get("result"))
            yield _chosen(
                place,
                text,
                groups,
                labeller=_name(annotation.get("completed_by")),
                labelled_at=str(annotation.get("updated_at") or annotation.get("created_at") or ""),
                **where,
            )


def _groups(result: Any) -> dict[str, list[Any]]:
    """What was chosen, by group. Other regions (ratings, text areas …) are left alone."""
    groups: dict[str, list[Any]] = {}
    for region in result if isinstance(result, list) else ():
        value = region.get("value") if isinstance(region, dict) else None
        if isinstance(value, dict) and isinstance(value.get("choices"), list):
            groups.setdefault(str(region.get("from_name") or ""), []).extend(value["choices"])
    return groups


def _minimal(place: str, task: Mapping[str, Any]) -> Iterator[Entry | Problem]:
    text = task.get(TEXT)
    if not isinstance(text, str):
        yield Problem(place, f"没有 {TEXT}")
        return
    groups = {}
    for name, value in task.items():
        if name not in MIN_FIELDS | PLACES | {TEXT}:
            choices = value.get("choices") if isinstance(value, dict) else value
            if isinstance(choices, str | list):
                groups[name] = [choices] if isinstance(choices, str) else choices
    labelled_at = str(task.get("updated_at") or task.get("created_at") or "")
    yield _chosen(place, text, groups, labeller=_name(task.get("annotator")), labelled_at=labelled_at, **place_of(task))


def _chosen(place: str, text: str, groups: Mapping[str, list[Any]], **more: Any) -> Entry | Problem:
    also = groups.get(ALSO, [])
    primary = {name: choices for name, choices in groups.items() if name != ALSO and choices}
    primary = {THEME: primary[THEME]} if THEME in primary else primary
    if len(primary) > 1:
        return Problem(place, f"有几组选项（{'、'.join(primary)}），看不出哪一组是主题", text)
    if also and not primary:
        return Problem(place, "只选了次要主题，没有主要主题", text)
    choices = next(iter(primary.values()), [])
    if not all(isinstance(choice, str) for choice in (*choices, *also)):
        return Problem(place, "选项有几层，不是一组主题", text)
    themes = (*choices, *(theme for theme in also if theme not in choices))
    return Entry(place, text, themes, ordered=len(choices) <= 1, **more)


def _name(who: Any) -> str:
    """Who annotated: an address or a name where the file tells, else the number."""
    if isinstance(who, dict):
        full = " ".join(str(who[part]) for part in ("first_name", "last_name") if who.get(part))
        return str(who.get("email") or full or who.get("username") or _name(who.get("id")))
    if isinstance(who, str) or who is None:
        return who or ""
    return f"Label Studio {who}"


def write_label_studio(path: str | Path, entries: Iterable[Entry]) -> None:
    """Write labels as annotated tasks. Raises `OutputError` if it cannot be written."""
    _write(path, (_task(entry) | {"annotations": [{"result": _result(entry.themes)}]} for entry in entries))


def write_predictions(path: str | Path, paragraphs: Iterable[tuple[Entry, Tag]], model_id: str) -> None:
    """Write paragraphs as tasks in which the proposals of a model are marked beforehand. Raises `OutputError`."""
    _write(
        path,
        (
            _task(entry)
            | {
                "predictions": [
                    {
                        "model_version": model_id,
                        "score": round(tag.probability, 4),
                        "result": _result((tag.theme, *tag.also)),
                    }
                ]
            }
            for entry, tag in paragraphs
        ),
    )


def _task(entry: Entry) -> dict[str, Any]:
    return {"data": {TEXT: entry.text, "headings": "", **place_fields(entry)}}  # our interface shows headings


def _result(themes: tuple[str, ...]) -> list[dict[str, Any]]:
    groups = {THEME: themes[:1], ALSO: themes[1:]}
    return [
        {"id": name, "from_name": name, "to_name": TEXT, "type": "choices", "value": {"choices": list(choices)}}
        for name, choices in groups.items()
        if choices
    ]


def _write(path: str | Path, tasks: Iterable[Mapping[str, Any]]) -> None:
    with written_whole(path) as beside:
        content = json.dumps(list(tasks), ensure_ascii=False, indent=1)
        beside.write_text(content + "\n", "utf-8", "backslashreplace", "\n")


def label_config(themes: Iterable[Theme]) -> str:
    """The labelling interface that fits our tasks, to be pasted into the settings of a project."""
    names = [theme.name for theme in themes]
    return "\n".join(
        [
            "<View>",
            '  <Header value="$headings"/>',
            f'  <Text name="{TEXT}" value="${TEXT}"/>',
            f'  <Choices name="{THEME}" toName="{TEXT}" choice="single" required="true" showInLine="true">',
            *(f'    <Choice value="{name}"/>' for name in names),
            "  </Choices>",
            '  <Header value="次要主题"/>',
            f'  <Choices name="{ALSO}" toName="{TEXT}" choice="multiple" showInLine="true">',
            *(f'    <Choice value="{name}"/>' for name in names if name != OTHER),
            "  </Choices>",
            "</View>",
        ]
    )
