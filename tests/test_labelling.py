"""The labelling session and its file: what counts, what is undone, what survives; and how far labellers agree."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import LabelError, OutputError
from tagger.learning.agreement import agreements, confusion, kappas
from tagger.learning.labelling import (
    Answer,
    Item,
    Labeller,
    Proposal,
    Session,
    append,
    current,
    disputed,
    document_items,
    labelled_by_others,
    mend,
    queue_items,
    uncertain_first,
)
from tagger.learning.labels import read_labels, read_lines
from tagger.records import Reason, Tag
from tagger.themes import THEMES

Lines = list[tuple[str, dict[str, Any]]]
NUMBERED = [Item(f"第{number}段", "报告.txt", ("一、工作",)) for number in range(4)]
PROPOSED = Tag("法治", ("治理",), 0.8, uncertain=False, themes=THEMES, log_odds=(0.0,) * 6, probabilities=(0.1,) * 6)


def propose(_: Item) -> Proposal:
    return Proposal(PROPOSED, (Reason("第", 0, 1, 1.0),), "模型一")


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Session]:
    """A session on the file of this test, going on where the last one was left."""
    path = tmp_path / "标注.jsonl"

    def start(
        name: str = "甲", items: Sequence[Item] = NUMBERED, *, blind: bool = False, settles: bool = False
    ) -> Session:
        return Session(
            items,
            list(read_lines(path)) if path.exists() else [],
            Labeller(name, blind=blind, settles=settles),
            THEMES,
            propose=(lambda _: None) if blind or settles else propose,
            save=lambda record: append(path, record),
        )

    return start


def lines_of(tmp_path: Path) -> Lines:
    return list(read_lines(tmp_path / "标注.jsonl"))


def label(text: str, theme: str, labeller: str = "甲", **more: object) -> tuple[str, dict[str, Any]]:
    return "标注.jsonl:1", {"text": text, "theme": theme, "document": "报告.txt", "labeller": labeller, **more}


# ---- answers ----


def test_accept_choose_and_secondary_themes(start: Callable[..., Session], tmp_path: Path) -> None:
    session = start()
    assert session.answer() == Answer("法治", ("治理",))  # the proposal as it is
    assert session.answer("党建") == Answer("党建")  # another theme does not inherit the secondary ones
    assert not session.toggle("其他")
    session.toggle("作风")
    session.toggle("治理")
    assert session.draft == Answer("法治", ("作风",))
    assert session.answer("治理") == Answer("治理", ("作风",))
    session.comment(" 看不太清 ")
    session.doubt()
    assert str(session.answer("其他")) == "其他（拿不准）"
    assert session.item is None
    assert session.answer() is None
    records = [record for _, record in current(lines_of(tmp_path))]
    assert [(record["theme"], record["also"]) for record in records] == [
        ("法治", ["治理"]),
        ("党建", []),
        ("治理", ["作风"]),
        ("其他", []),
    ]
    last = records[-1]
    assert (last["comment"], last["unsure"], last["model_id"], last["headings"]) == (
        "看不太清",
        True,
        "模型一",
        ["一、工作"],
    )
    assert last["proposed"] == {"theme": "法治", "also": ["治理"], "probability": 0.8, "uncertain": False}
    assert (session.progress.done, session.progress.left) == (4, 0)
    assert (session.progress.compared, session.progress.agreed) == (4, 1)


def test_a_file_of_answers_is_a_label_file(start: Callable[..., Session], tmp_path: Path) -> None:
    session = start()
    session.toggle("党建")
    session.answer()
    session.answer("治理")
    labels = read_labels([tmp_path / "标注.jsonl"])
    assert [(each.text, each.theme, each.also) for each in labels] == [
        ("第0段", "法治", ("党建", "治理")),
        ("第1段", "治理", ()),
    ]
    assert {(each.document, each.labeller) for each in labels} == {("报告.txt", "甲")}


def test_a_blind_labeller_sees_nothing_and_must_choose(start: Callable[..., Session], tmp_path: Path) -> None:
    start("甲").answer("党建")
    assert start("乙").others == [("甲", Answer("党建"))]
    blind = start("乙", blind=True)
    assert (blind.others, blind.proposal, blind.answer()) == ([], None, None)
    assert blind.answer("治理") == Answer("治理")
    assert lines_of(tmp_path)[-1][1]["blind"] is True
    assert blind.progress.compared == 0


def test_undo_takes_back_on_disk_and_hands_the_answer_back(start: Callable[..., Session], tmp_path: Path) -> None:
    session = start()
    session.answer("党建")
    session.comment("想一想")
    session.answer("治理")
    assert session.undo() == NUMBERED[1]
    assert session.draft == Answer("治理", comment="想一想")
    assert [record["text"] for _, record in current(lines_of(tmp_path))] == ["第0段"]
    session.answer("作风")
    again = start()  # undo reaches back behind a restart
    assert again.item == NUMBERED[2]
    assert again.undo() == NUMBERED[1]
    assert again.undo() == NUMBERED[0]
    assert again.undo() is None
    assert current(lines_of(tmp_path)) == []
    assert start().item == NUMBERED[0]


def test_undoing_a_second_answer_brings_the_first_back(start: Callable[..., Session], tmp_path: Path) -> None:
    session = start()
    session.answer("党建")
    assert session.search("第0段")
    session.answer("治理")
    assert lines_of(tmp_path)[-1][1]["supersedes"]
    session.undo()
    assert [record["theme"] for _, record in current(lines_of(tmp_path))] == ["党建"]
    assert session.answered == Answer("党建")


def test_what_was_skipped_comes_last_at_the_next_start(start: Callable[..., Session], tmp_path: Path) -> None:
    session = start()
    session.skip()
    session.answer("党建")
    assert session.progress.skipped == 1
    again = start()
    assert again.item == NUMBERED[2]
    again.answer("党建")
    again.answer("党建")
    assert again.item == NUMBERED[0]
    again.skip()
    assert again.item is None
    assert again.undo() == NUMBERED[0]
    again.answer("作风")
    assert again.item is None
    assert [record["text"] for _, record in current(lines_of(tmp_path))] == ["第1段", "第2段", "第3段", "第0段"]


def test_skipping_keeps_an_answer(start: Callable[..., Session], tmp_path: Path) -> None:
    session = start()
    session.answer("党建")
    session.search("第0段")
    session.skip()
    assert len(current(lines_of(tmp_path))) == 1


def test_search_goes_round_through_text_headings_documents_and_comments(start: Callable[..., Session]) -> None:
    session = start()
    session.comment("Tie Lu")
    session.answer("党建")
    assert session.search("第3")
    assert session.item == NUMBERED[3]
    assert session.search("tie lu")
    assert session.item == NUMBERED[0]
    assert session.draft == session.answered
    assert session.search("一、工作")
    assert session.item == NUMBERED[1]
    assert not session.search("没有的话")
    session.answer("党建")
    assert session.item == NUMBERED[2]


def test_labellers_are_told_apart(start: Callable[..., Session], tmp_path: Path) -> None:
    start("甲").answer("党建")
    other = start("乙")
    assert other.item == NUMBERED[0]
    assert other.progress.done == 0
    other.answer("治理")
    other.undo()
    assert [record["labeller"] for _, record in current(lines_of(tmp_path))] == ["甲"]
    assert start("甲").item == NUMBERED[1]


def test_the_same_paragraph_is_asked_once(start: Callable[..., Session]) -> None:
    session = start(items=[NUMBERED[0], NUMBERED[1], NUMBERED[0]])
    assert session.progress.left == 2
    session.answer("党建")
    assert session.item == NUMBERED[1]


def test_nothing_changes_when_nothing_can_be_written(start: Callable[..., Session]) -> None:
    session = start()

    def full(_: object) -> None:
        raise OutputError("标注.jsonl", found="写不进去（磁盘满了）", expected="空间", advice="清理")

    working, session.save = session.save, full
    for attempt in (session.answer, session.skip):
        with pytest.raises(OutputError):
            attempt()
    assert (session.item, session.progress.done) == (NUMBERED[0], 0)
    session.save = working
    session.answer()
    assert session.progress.done == 1


def test_the_rate_leaves_out_pauses() -> None:
    clock = iter([0.0, 30.0, 5000.0])
    session = Session(NUMBERED, [], Labeller("甲"), THEMES, propose, lambda _: None, seconds=lambda: next(clock))
    rates = []
    for _ in range(3):
        session.answer()
        rates.append(session.progress.per_minute)
    assert rates == [None, 2.0, pytest.approx(2 / 2.5)]


def test_an_answer_with_another_model_is_refused() -> None:
    with pytest.raises(LabelError, match="水利"):
        Session(NUMBERED, [label("第0段", "水利")], Labeller("甲"), THEMES, propose, lambda _: None)


# ---- which lines count ----


def test_the_last_line_of_a_labeller_counts() -> None:
    lines = [
        label("一", "党建"),
        label("一", "治理", "乙"),
        label("一", "作风"),
        label("二", "党建"),
        label("二", "", undone=True),
        label("三", "党建", ""),
        label("三", "党建", ""),
    ]
    counting = [(record["text"], record["theme"], record["labeller"]) for _, record in current(lines)]
    assert counting == [("一", "治理", "乙"), ("一", "作风", "甲"), ("三", "党建", ""), ("三", "党建", "")]


def test_an_adjudication_settles_a_paragraph() -> None:
    differing = [label("一", "党建"), label("一", "治理", "乙"), label("二", "党建")]
    assert [item.text for item in disputed(differing)] == ["一"]
    settled = [*differing, label("一", "作风", "组长", adjudicated=True), label("一", "法治")]
    assert [record["theme"] for _, record in current(settled)] == ["党建", "作风"]
    taken_back = [*settled, label("一", "", "组长", adjudicated=True, undone=True)]
    assert [record["theme"] for _, record in current(taken_back)] == ["治理", "党建", "法治"]


def test_settling_shows_who_said_what(start: Callable[..., Session], tmp_path: Path) -> None:
    start("甲").answer("党建")
    start("乙").answer("治理")
    session = start("组长", disputed(lines_of(tmp_path)), settles=True)
    assert session.others == [("甲", Answer("党建")), ("乙", Answer("治理"))]
    session.answer("治理")
    assert [(record["labeller"], record["theme"]) for _, record in current(lines_of(tmp_path))] == [("组长", "治理")]
    assert start("组长", disputed(lines_of(tmp_path)), settles=True).item is None


def test_lines_of_any_shape_do_no_harm() -> None:
    odd = [("a:1", {"text": ["x"], "labeller": 3}), ("a:2", {}), ("a:3", {"labeller": "甲", "counts": {"词": 2}})] * 2
    assert current(odd) == odd


# ---- the file ----


def test_a_torn_last_line_is_set_aside_wherever_it_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "标注.jsonl"
    append(path, {"text": "一", "theme": "党建"})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole + whole[:length])
        append(path, {"text": "二", "theme": "法治"})
        texts = [record["text"] for _, record in read_lines(path)]
        assert texts == (["一", "一", "二"] if length == len(whole) - 1 else ["一", "二"])
    torn = (tmp_path / "标注.jsonl.torn").read_bytes().splitlines()
    assert torn[-1] == whole[:-2]


@pytest.mark.parametrize("content", [b"PK\x03\x04\x00", "随便什么".encode(), b'{"text": "a"}\nabc', b"{\n}"])
def test_a_file_that_is_no_label_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "报告.docx"
    path.write_bytes(content)
    with pytest.raises(LabelError, match="不是标注文件"):
        append(path, {"text": "一"})
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b'\xef\xbb\xbf{"text": "a"}', b'{"text": "a"}\r\n  '])
def test_files_that_other_programs_wrote_are_added_to(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "标注.jsonl"
    path.write_bytes(content)
    mend(path)
    append(path, {"text": "一"})
    assert [record["text"] for _, record in read_lines(path)] == ["a", "一"][b"a" not in content :]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="写不进去"):
        append(tmp_path, {"text": "一"})


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows 不能限制文件大小")
    path = tmp_path / "标注.jsonl"
    append(path, {"text": "一"})
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
    try:
        with pytest.raises(OutputError, match="写不进去"):
            append(path, {"text": "二"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before


def test_a_device_is_no_label_file() -> None:
    with pytest.raises(OutputError, match="写不进去"):
        mend("/dev/zero" if Path("/dev/zero").exists() else "NUL")


def test_names_that_are_no_unicode_are_kept(tmp_path: Path) -> None:
    append(tmp_path / "标注.jsonl", {"text": "一", "document": "\udcff.txt"})
    assert lines_of(tmp_path)[0][1]["document"] == "\udcff.txt"


def test_many_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "标注.jsonl"

    def write(name: str) -> None:
        for number in range(25):
            append(path, {"text": "字" * (number * 80), "labeller": name, "number": number})

    writers = [threading.Thread(target=write, args=(name,)) for name in "甲乙丙丁"]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    found = [(record["labeller"], record["number"]) for _, record in read_lines(path)]
    assert sorted(found) == sorted((name, number) for name in "甲乙丙丁" for number in range(25))


# ---- which paragraphs ----


def test_documents_give_their_body_paragraphs_and_errors_do_not_stop(root: Path, tmp_path: Path) -> None:
    broken = tmp_path / "坏.docx"
    broken.write_bytes(b"PK\x03\x04")
    found = list(document_items([broken, root / "examples" / "县局工作总结.txt"]))
    assert "坏.docx" in str(found[0])
    items = [each for each in found if isinstance(each, Item)]
    assert len(items) == len(found) - 1 > 10
    title = "某县司法局2021年工作总结及2022年工作安排"
    assert any(item.path[:2] == (title, "一、抓学习，强队伍") for item in items)


def test_a_queue_gives_paragraphs_and_reasons() -> None:
    record = {"text": "一", "document": "a", "headings": ["标题"], "why": ["拿不准", "新词"]}
    assert queue_items([("队列:1", record)]) == [Item("一", "a", ("标题",), "拿不准；新词")]
    with pytest.raises(LabelError, match="队列:1"):
        queue_items([("队列:1", {"why": "x"})])


def test_the_second_labeller_gets_the_same_lot_at_each_start() -> None:
    lines = [label(str(number), "党建") for number in range(50)] + [
        label("自己的", "党建", "乙"),
        label("谁的", "党建", ""),
    ]
    lot = labelled_by_others(lines, "乙", 10)
    assert len(lot) == 10
    assert lot == labelled_by_others(random.sample(lines, len(lines)), "乙", 10)
    assert lot != labelled_by_others(lines, "丙", 10)
    assert len(labelled_by_others(lines, "乙", 99)) == 50


def test_uncertain_paragraphs_come_first() -> None:
    def tagged(*probabilities: float) -> Tag:
        return Tag("党建", (), max(probabilities), False, THEMES, (0.0,) * 6, probabilities)  # noqa: FBT003

    tags = [tagged(0.9, 0.1, 0, 0, 0, 0), tagged(0.4, 0.35, 0.25, 0, 0, 0), tagged(0.45, 0.25, 0.3, 0, 0, 0)]
    assert uncertain_first(NUMBERED[:3], tags) == [NUMBERED[1], NUMBERED[2], NUMBERED[0]]


# ---- agreement ----


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(THEMES), st.sampled_from(THEMES)), min_size=1, max_size=60))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    from sklearn.metrics import cohen_kappa_score

    ours = kappas(confusion(pairs, THEMES))
    if len({theme for pair in pairs for theme in pair}) == 1:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))


def test_agreement_of_two_labellers() -> None:
    from sklearn.metrics import cohen_kappa_score

    chance = random.Random(5)
    ones = chance.choices(THEMES, k=120)
    others = [one if chance.random() < 0.7 else chance.choice(THEMES) for one in ones]
    lines = [label(str(number), theme) for number, theme in enumerate(ones)]
    lines += [label(str(number), theme, "乙", blind=True, also=["水利"]) for number, theme in enumerate(others)]
    lines += [label("只有甲标过", "党建"), label("没有名字", "党建", ""), label("0", "党建", "组长", adjudicated=True)]
    [found] = agreements(lines)
    assert (found.first, found.second, found.paragraphs, found.blind) == ("乙", "甲", 120, 120)
    assert found.same == found.also_differs == sum(one == other for one, other in zip(ones, others, strict=True))
    assert found.kappa.value == pytest.approx(cohen_kappa_score(ones, others))
    assert found.kappa.low < found.kappa.value < found.kappa.high
    assert list(found.themes)[-1] == "其他"
    for theme, each in found.themes.items():
        flags = [[given == theme for given in themes] for themes in (others, ones)]
        assert each.kappa.value == pytest.approx(cohen_kappa_score(*flags))
        assert (each.first, each.second) == (others.count(theme), ones.count(theme))
    assert [(each.item.text, each.second.theme, each.first.theme) for each in found.disagreements] == [
        (str(number), one, other) for number, (one, other) in enumerate(zip(ones, others, strict=True)) if one != other
    ]


def test_the_interval_is_that_of_drawing_paragraphs() -> None:
    from sklearn.metrics import cohen_kappa_score

    chance = np.random.default_rng(0)
    ones = chance.choice(THEMES[:3], 80)
    others = np.where(chance.random(80) < 0.6, ones, chance.choice(THEMES[:3], 80))
    drawn = [cohen_kappa_score(ones[rows], others[rows]) for rows in chance.integers(80, size=(400, 80))]
    lines = [label(str(number), str(theme)) for number, theme in enumerate(ones)]
    [found] = agreements([*lines, *(label(str(number), str(theme), "乙") for number, theme in enumerate(others))])
    assert (found.kappa.low, found.kappa.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.04)


def test_kappa_is_not_invented_where_it_is_not_defined() -> None:
    [found] = agreements([label("一", "党建"), label("一", "党建", "乙")])
    assert (found.same, found.kappa.value, found.kappa.low) == (1, None, None)
    assert agreements([label("一", "党建"), label("二", "党建", "乙")]) == []


def test_three_labellers_are_compared_two_by_two() -> None:
    found = agreements([label("一", theme, name) for name, theme in zip("甲乙丙", THEMES, strict=False)])
    assert len(found) == 3


def test_the_lines_are_plain_json(start: Callable[..., Session], tmp_path: Path) -> None:
    start().answer()
    [line] = (tmp_path / "标注.jsonl").read_text("utf-8").splitlines()
    assert "第0段" in line
    assert json.loads(line)["labeller"] == "甲"
