"""The queue: which paragraphs are chosen, why, and what the command writes."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tagger import Tagger
from tagger.batch import sources_at
from tagger.cli import drift, mine, queue
from tagger.cli.terminal import Parser
from tagger.errors import InputError, UsageError
from tagger.learning.labels import read_lines
from tagger.learning.queue import (
    NEARLY_SAME,
    RECURRING,
    Candidate,
    as_record,
    candidates_of,
    choose,
    known_to,
    recurring_shares,
    row_sums,
    unknown_characters,
    unknown_shares,
    vectors_of,
)

TEXTS = (
    "组织党员学习党章党规，按期开好民主生活会，抓好发展党员工作。",
    "排查化解邻里矛盾纠纷，网格员每天巡查，及时上报安全隐患。",
    "建成高标准农田三千亩，粮食播种面积稳定，农民收入继续增加。",
    "落实行政执法三项制度，对规范性文件逐件进行合法性审查并备案。",
    "开展警示教育，通报违纪典型案例，严肃查处吃拿卡要的问题。",
    "县医院新院区投入使用，新增床位三百张，引进专家十二名。",
)


def run(*arguments: str) -> int:
    """Run one of the three commands as the user does."""
    parser = Parser(prog="tagger", add_help=False)
    commands = parser.add_subparsers(required=True)
    for each in (queue, mine, drift):
        each.add(commands)
    options = parser.parse_args(list(arguments))
    return int(options.run(options, Console(highlight=False, soft_wrap=True)))


def candidates(tagger: Tagger, texts: Sequence[str], documents: Sequence[str] | None = None) -> list[Candidate]:
    names = documents or [f"文件{number}" for number in range(len(texts))]
    tags = tagger.tag_batch(texts)
    return [Candidate(text, name, "", (), "", tag) for text, name, tag in zip(texts, names, tags, strict=True)]


def chosen_texts(
    tagger: Tagger, some: Sequence[Candidate], number: int = 50, labelled: Sequence[str] = ()
) -> list[str]:
    choices = choose(some, tagger.model, known_to(tagger), number=number, labelled=labelled)
    return [choice.candidate.text for choice in choices]


def test_every_paragraph_is_chosen_once_if_there_is_room(tagger: Tagger) -> None:
    some = candidates(tagger, [*TEXTS, *TEXTS[:2]])
    chosen = chosen_texts(tagger, some)
    assert sorted(chosen) == sorted(TEXTS)
    assert chosen == chosen_texts(tagger, some)
    assert chosen_texts(tagger, some, number=2) == chosen[:2]
    assert choose([], tagger.model, known_to(tagger), number=5) == []


def test_the_doubtful_come_first(tagger: Tagger) -> None:
    clear, unclear = candidates(tagger, TEXTS[:2])
    even = (0.4, 0.35, 0.05, 0.05, 0.05, 0.1)
    sure = (0.99, 0.01, 0.0, 0.0, 0.0, 0.0)
    some = [
        replace(clear, tag=replace(clear.tag, probabilities=sure)),
        replace(unclear, tag=replace(unclear.tag, probabilities=even)),
    ]
    first, second = choose(some, tagger.model, known_to(tagger), number=2)
    assert first.candidate.text == unclear.text
    assert first.why.startswith("拿不准：党建 40%、法治 35%")
    assert second.why.startswith("请核实：党建 99%、法治 1%")


def test_what_is_labelled_or_nearly_so_is_left_out(tagger: Tagger) -> None:
    nearly = TEXTS[2].replace("三千", "五千")
    chosen = chosen_texts(tagger, candidates(tagger, [*TEXTS, nearly]), labelled=[TEXTS[2], TEXTS[4]])
    assert sorted(chosen) == sorted(set(TEXTS) - {TEXTS[2], TEXTS[4]})


def test_near_duplicates_are_folded_and_counted(tagger: Tagger) -> None:
    twins = [TEXTS[2].replace("三千", number) for number in ("三千", "五千", "八千")]
    vectors = vectors_of(tagger.model, twins)
    assert vectors.similarity(vectors.dense(0)).min() >= NEARLY_SAME
    choices = choose(candidates(tagger, [*twins, TEXTS[0]]), tagger.model, known_to(tagger), number=10)
    assert len(choices) == 2
    folded = next(choice for choice in choices if choice.candidate.text in twins)
    assert folded.alike == 2
    assert "另有 2 段与它几乎一样" in folded.why


def test_choices_are_spread_over_documents(tagger: Tagger) -> None:
    same_doubt = (0.3, 0.3, 0.1, 0.1, 0.1, 0.1)
    some = [
        replace(each, tag=replace(each.tag, probabilities=same_doubt))
        for each in candidates(tagger, TEXTS, ["甲"] * 5 + ["乙"])
    ]
    chosen = choose(some, tagger.model, known_to(tagger), number=3)
    assert "乙" in {choice.candidate.document for choice in chosen}


def test_short_lines_are_not_worth_a_label(tagger: Tagger) -> None:
    assert chosen_texts(tagger, candidates(tagger, ["具体如下：", "2023-01-01 12345678901234567890"])) == []


def test_unknown_characters(tagger: Tagger) -> None:
    known = known_to(tagger)
    assert not unknown_characters("党员", known).any()
    text = "党员彳亍，龘靐。"
    assert [character for character, new in zip(text, unknown_characters(text, known), strict=True) if new] == [
        *"彳亍龘靐"
    ]
    assert unknown_shares([text, "", "abc 123", "党员"], known).tolist() == pytest.approx([4 / 6, 0, 0, 0])
    (choice,) = choose(candidates(tagger, ["彳亍龘靐" * 5]), tagger.model, known, number=1)
    assert "生词多" in choice.why


def test_unknown_vocabulary_counts_if_it_recurs(tagger: Tagger) -> None:
    texts = ["推行龘靐机制"] * RECURRING + ["彳亍彳亍彳亍", "党员", ""]
    shares = recurring_shares(texts, known_to(tagger)).tolist()
    assert min(shares[:RECURRING]) > 0
    assert shares[RECURRING:] == [0, 0, 0]
    assert recurring_shares([], known_to(tagger)).tolist() == []


@settings(max_examples=30)
@given(st.lists(st.text(alphabet="党员龘x1，\n", max_size=12), max_size=6))
def test_shares_are_those_of_each_text_alone(tagger: Tagger, texts: list[str]) -> None:
    known = known_to(tagger)
    alone = [float(unknown_shares([text], known)[0]) for text in texts]
    assert unknown_shares(texts, known).tolist() == pytest.approx(alone)


def test_vectors_have_length_one_and_rows_can_be_chosen(tagger: Tagger) -> None:
    vectors = vectors_of(tagger.model, [*TEXTS, "", "龘"])
    lengths = row_sums(vectors.starts, np.square(vectors.weights))
    assert lengths.tolist() == pytest.approx([1] * len(TEXTS) + [0, 0])
    some = vectors.where([3, 6, 1])
    assert [*some.dense(0)] == [*vectors.dense(3)]
    assert some.similarity(vectors.dense(1))[2] == pytest.approx(1)
    assert len(vectors.where([])) == 0


def test_the_command_writes_what_the_labelling_command_reads(
    root: Path, tmp_path: Path, tagger: Tagger, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "队列.jsonl"
    assert run("queue", str(root / "examples"), "--number", "7", "--out", str(out)) == 0
    records = [record for _, record in read_lines(out)]
    assert len(records) == 7
    for record in records:
        assert set(record) == {"text", "document", "title", "headings", "place", "proposed", "why"}
        assert Path(record["document"]).exists()
        assert record["proposed"]["theme"] in tagger.model.themes
        assert re.match(r"拿不准：|请核实：", record["why"])
    assert "tagger label --queue" in capsys.readouterr().out
    from tagger.learning.labelling import queue_items

    assert [item.text for item in queue_items(read_lines(out))] == [record["text"] for record in records]

    labels = tmp_path / "标注.jsonl"
    labelled = [{**record, "theme": "其他"} for record in records]
    labels.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in labelled), encoding="utf-8")
    assert run("queue", str(root / "examples"), "--labels", str(labels), "--out", str(out)) == 0
    assert not {record["text"] for record in records} & {record["text"] for _, record in read_lines(out)}


def test_a_broken_file_is_told_and_the_rest_goes_on(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root / "examples", tmp_path / "材料")
    (tmp_path / "材料" / "坏.docx").write_bytes(b"PK\x03\x04")
    assert run("queue", str(tmp_path / "材料"), "--out", str(tmp_path / "队列.jsonl")) == 1
    assert "坏.docx" in capsys.readouterr().err


def test_what_makes_no_sense_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 或更大"):
        run("queue", str(root / "examples"), "--number", "0", "--out", str(tmp_path / "队列.jsonl"))
    (tmp_path / "空.txt").write_text("好。\n", encoding="utf-8")
    with pytest.raises(UsageError, match="没有可标的"):
        run("queue", str(tmp_path / "空.txt"), "--out", str(tmp_path / "队列.jsonl"))
    with pytest.raises(InputError):
        list(sources_at([tmp_path / "没有"]))


def test_candidates_are_the_body_paragraphs(tagger: Tagger, make_source: Callable[..., object]) -> None:
    document = tagger.tag_source(make_source("年度工作总结", "一、党的建设", TEXTS[0], levels={0: 0, 1: 1}))  # type: ignore[arg-type]
    (candidate,) = candidates_of(document)
    assert (candidate.text, candidate.document) == (TEXTS[0], "测试")
    assert (candidate.title, candidate.headings) == ("年度工作总结", ("一、党的建设",))
    choice = choose([candidate], tagger.model, known_to(tagger), number=1)[0]
    assert as_record(choice)["headings"] == ["一、党的建设"]


def test_the_commands_of_the_page_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(root / "examples", tmp_path / "材料")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "标注.jsonl").write_text("", encoding="utf-8")
    page = (root / "docs" / "improving.md").read_text("utf-8")
    commands = [
        shlex.split(line) for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()
    ]
    ours = [words[1:] for words in commands if words[1] in {"queue", "mine", "drift"}]
    assert {words[0] for words in ours} == {"queue", "mine", "drift"}
    for words in ours:
        assert run(*words) == 0, words


@pytest.mark.parametrize("name", ["queue", "mine", "drift"])
def test_help_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(name, "--help")
    assert left.value.code == 0
    assert f"例：tagger {name} 材料/" in re.sub(r"\s+", " ", capsys.readouterr().out)
