"""Forms: lines of the head and the tail of a document that their words alone give away (GB/T 9704)."""

from __future__ import annotations

import re

from tagger.records import Role

# 成文日期 and 题注
YEAR = r"(?:[1１][9９]|[2２][0０])[\dXx×]{2}"
YEAR_IN_WORDS = "[一二][〇○零九OＯ][〇○零一二三四五六七八九OＯ]{2}"
NUMBER = r"[\d一二三四五六七八九十Xx×]{1,3}"
DAY = rf"(?:{YEAR}|{YEAR_IN_WORDS})\s*[年./-]\s*{NUMBER}\s*[月./-]?\s*(?:{NUMBER}\s*日?)?"
TIME = r"(?: ?[（(]?(?:星期|周).[）)]?)?(?: ?[上下中]午)?(?: \S{1,6}| ?\d{1,2}[:：]\d\d[^，。；]{0,8})?"
DATE = re.compile(
    rf"(?:\w{{0,4}}(?:日 ?期|时 ?间)[：: ] ?)?[（(]?{DAY}[）)]?(?:{TIME}| {DAY}|[于在].{{2,12}})"
    rf"|[（(](?!.{{0,12}}第 ?\d+ ?[号期])(?:[^\d，。；]{{0,12}}{YEAR}年|{YEAR_IN_WORDS}|{YEAR}|\d{{1,2}}月\d{{1,2}}日)"
    r"[^。]{0,200}[）)]"
    rf"|{YEAR}年\d+月\d+日在[^。]{{4,40}}[上议]"
    rf"|(?: ?(?:\w{{2,4}}[：:] ?)?(?:{YEAR} ?)?年 ?月 ?日)+|\d{{1,2}}月\d{{1,2}}日{TIME}"
)
DATE_LABEL = re.compile(r"\w{0,4}(?:时 ?间|日 ?期)[：:].{1,40}")  # under the title only
SIGNER_LABEL = re.compile(r"\w{0,4}(?:单 ?位|部 ?门|机 ?关)[：:].{2,30}")  # under the title only

# 份号, 密级, 紧急程度, 发文字号, 期号
ISSUE = rf"(?:总 ?)?第?\s*{NUMBER}\s*[期号次]"
DOCUMENT_NUMBER = re.compile(
    rf"[^，。]{{0,16}}[〔﹝\[［（(【]{YEAR}[〕﹞\]］）)】].{{0,12}}?[\dXx×]+\s*[号期]?"
    rf"(?: ?[（(]?{ISSUE}[）)]?| ?签发人[：:].{{0,20}})?"
    rf"|.{{0,8}}[（(]?(?:{YEAR}年)?{ISSUE}[）)]?(?: ?[（(]?{ISSUE}[）)]?)?"
    r"|(?:绝密|机密|秘密) ?(?:[★☆].{0,8})?|特急|加急|平急|特提|\d{6}|内部(?:资料|文件|材料).{0,8}"
    r"|\w{0,6}(?:号|密级|类别)[：:].{1,20}"
)

# 主送机关 and 称呼
ADDRESS = re.compile(
    r"(?:各位|尊敬的|亲爱的|(?:同志|同学|代表|朋友|乡亲|老师|工友)们)(?:[^。；！]{0,50}[：:]|[^，。；：]{0,12}[！!，,]?)"
    r"|[^，。；：！“”【】]{0,12}(?<![我你他她])们[！!：:，,]"
    r"|此致|(?:此致[， ]*)?敬礼[！!]?"
)
SALUTATION = re.compile(  # under the title only
    r"(?!.*(?:如下|现[将就]|根据|为了|按照|以下|下列|报告|汇报|通知|决定|研究|内容|议[程题]|事项|承诺|倡议|约定|达成|我|本[人单])|为)[^。；！？]{2,250}[：:]"
)

# 附件说明
ATTACHMENT_MARK = re.compile(r"附\s*[件表录图]?\s*[\d一二三四五六七八九十]*\s*[：:]?")
ATTACHMENT = re.compile(
    rf"{ATTACHMENT_MARK.pattern}|附\s*[件表录图]\s*(?:[\d一二三四五六七八九十]*\s*[：:]|\d{{1,2}}[.．、 ]).*"
    r"|附 ?\d?[：:][^，,]+"
)

# Who wrote, signed, chaired, was present, and where
SIGNER = re.compile(
    r"[（(]?(?:(?!成 ?员|组 ?员)(?:\w ?){1,6}[人者员]|[甲乙丙]方(?:[（(]\w{1,8}[）)])?|审判长|来源"
    r"|.{0,4}(?:撰稿|编辑|供稿|整理|审核|记录|主持|摄影|打字|校对))(?:单位|及电话)?[：: ][^。；！？;!?]{1,24}"
    r"|(?:[出列缺] ?席|请 ?假|主 ?持|记 ?录|参 ?加|[参与到] ?会|[应实]到)(?:人员?|人数|领导|单位)?[：:]"
    r"[^。；！？;!?]{1,300}"
    r"|\w{0,4}地 ?点[：:][^。；]{1,40}|.{0,12}(?:签名|签字|签章|盖章|代表人)[）)]?[：:][^。；]{0,40}"
    r"|[^，。；！？]{0,30}[（(](?:\w{0,3}章|签[字名]\w{0,4}|\w?印)[）)][^，。；]{0,40}"
    rf"|.{{2,24}}[室办局委会部编印] {DAY}"
)

# 附注, 抄送, 印发机关和印发日期
COPY = re.compile(
    r"(?:主\s*送|抄\s*[送报]|[分发报呈]\s*[送报]|印\s*发|[报送发呈]|主题词|此件发至)(?:单位|机关)?\s*[：:].+"
    r"|.{,24}\d{4}年\d{1,2}月\d{1,2}日印发|.{0,6}公开.{0,4}[：:].{2,8}"
    r"|[（(][^（()）]{0,60}(?:此件|联系(?:人|单位|方式)|电话|共印|公开)[^（()）]{0,60}[）)]"
    r"|本件与原[本件]核对无异|(?:.*[（(])?共印 ?\d+ ?份[）)]?"
)

FORMS: dict[Role, re.Pattern[str]] = {  # the first that fits
    "copy": COPY,
    "date": DATE,
    "attachment": ATTACHMENT,
    "signature": SIGNER,
    "number": DOCUMENT_NUMBER,
    "salutation": ADDRESS,
}
FORMS_IN_HEAD: dict[Role, re.Pattern[str]] = {
    "date": DATE_LABEL,
    "signature": SIGNER_LABEL,
    "salutation": SALUTATION,
}
MAX_FORM = 400  # characters of a line whose form can be told
MAY_END_IN_STOP = re.compile("[主抄分发印报送附]")  # how lines begin whose form may hold a whole sentence


def form_in_head(text: str) -> Role | None:
    """The role that the words of a line under the title give away, if they do."""
    return next((role for role, form in FORMS_IN_HEAD.items() if form.fullmatch(text)), None)


def form_of(text: str) -> Role | None:
    """The role that the words of a line give away, if they do."""
    if len(text) > MAX_FORM or (text.endswith(("。", ".")) and not MAY_END_IN_STOP.match(text)):
        return None
    for role, form in FORMS.items():
        if form.fullmatch(text):
            return role
    return None
