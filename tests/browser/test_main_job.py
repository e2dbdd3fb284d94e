"""The whole main job in a browser: from a contact file to a report, on the product as it runs."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from playwright.sync_api import APIRequestContext, Browser, Page, expect

from tests.browser.chromium import watched
from tests.browser.mail import Mail, read
from tests.browser.reading import PATIENCE_MS, figures, rates, until, whole
from tests.flows.running import Run

FILE = Path(__file__).parents[1] / "samples" / "csv" / "shop-customers.csv"
JUERGEN, ZOE = "juergen.mueller@kunden.example", "zoe.groess@kunden.example"
SOREN, FRANCOIS = "soren@kunden.example", "francois@kunden.example"
CITRA, NEW = "citra@kunden.example", "new.reader@kunden.example"
PEOPLE = {JUERGEN, ZOE, SOREN, FRANCOIS, CITRA}
TARGETS = {
    "https://example.com/story",
    "https://example.com/behind-the-scenes",
    "https://example.com/tip",
}
NAME = "November news"


def test_the_main_job(browser: Browser, product: Run):
    with (
        watched(browser, viewport={"width": 1440, "height": 900}) as (desk, _),
        watched(browser, viewport={"width": 390, "height": 844}) as (phone, _),
    ):
        page = desk.new_page()
        opens: list[str] = []
        desk.on("request", lambda request: "/o/" in request.url and opens.append(request.url))
        sign_in(page, product)
        bring_people(page)
        write(page)
        try_it(page)
        send(page)
        mails = received(page)
        look_at(page, mails[JUERGEN])
        opens += read_and_leave(phone.request, phone.new_page(), mails)
        measured(page, {"opens": len(opens), "readers": len(set(opens))})
        why(page)
        newcomer(page, phone.new_page())


def sign_in(page: Page, product: Run) -> None:
    link = re.search(r"Sign in: (\S+)", product.told())
    assert link, product.told()
    page.goto(link[1])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Demo Company")).to_be_visible()


def to(page: Page, name: str) -> None:
    page.get_by_label("Main", exact=True).get_by_role("link", name=name, exact=True).click()


def bring_people(page: Page) -> None:
    """The wizard: file, columns, result, rejected lines."""
    to(page, "Imports")
    page.get_by_role("link", name="Import a file").first.click()
    page.locator("input[type=file]").set_input_files(FILE)
    page.get_by_role("button", name="Look at the columns").click()
    preview = page.get_by_label("The first rows, as they come in").first
    expect(preview).to_contain_text("Jürgen")
    expect(preview).to_contain_text("Åkesson")
    expect(preview).to_contain_text("Rejected")
    expect(page.get_by_label("What Ort becomes")).to_have_value("city")
    page.get_by_label("What Kundennummer becomes").select_option("external_id")
    expect(preview).to_contain_text("K-1001")
    page.get_by_label("List", exact=True).select_option("new")
    page.get_by_label("Name of the new list").fill("Shop customers")
    page.get_by_label("Where did they agree?").fill("Shop checkout")
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("Finished")).to_be_visible(timeout=PATIENCE_MS)
    assert figures(page) == {
        "Rows read": 6,
        "New contacts": 5,
        "Changed": 0,
        "As they were": 0,
        "Rejected": 1,
    }
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all 1 with reasons").click()
    lines = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert len(lines) == 2
    assert {"wrong address", "Bärbel", "Gießen"} <= set(lines[1])
    page.get_by_role("link", name="See the people").click()
    expect(page.get_by_text(ZOE)).to_be_visible()


def write(page: Page) -> None:
    """From a ready-made template; a merge tag in the subject, seen as a person of the list."""
    to(page, "Broadcasts")
    page.get_by_role("link", name="New broadcast").first.click()
    page.locator("#ready-made").get_by_role("button", name="Newsletter").click()
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Subject", exact=True).fill("News for ")
    menu = page.locator('[data-into="#subject"]')
    menu.locator("summary").click()
    menu.get_by_role("button", name="First name").click()
    expect(page.get_by_label("Subject", exact=True)).to_have_value(re.compile(r"News for \{\{ .+"))
    people = page.locator(".people-menu")
    people.locator("summary").click()
    people.get_by_role("searchbox").fill("juergen")
    people.get_by_role("button", name=JUERGEN).click()
    expect(page.locator("#preview-subject")).to_have_text("News for Jürgen")
    frame = page.locator(".preview-frames iframe").last.content_frame
    expect(frame.get_by_text("Hello Jürgen")).to_be_visible()


def try_it(page: Page) -> None:
    """A test send comes to the local mailbox."""
    draft = page.url
    page.get_by_role("button", name="Send a test").click()
    page.get_by_label("To", exact=True).fill("desk@demo.example")
    page.get_by_role("button", name="Send the test").click()
    expect(page.get_by_text("The test is on its way to desk@demo.example.")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    to(page, "Local mailbox")
    until(page, lambda: page.get_by_role("link", name="desk@demo.example").count() == 1)
    expect(page.get_by_text("News for Jürgen")).to_be_visible()
    page.goto(draft)


def send(page: Page) -> None:
    """Audience, sender, review, sent, taken back, sent again."""
    page.get_by_role("button", name="Continue").click()
    for box in page.locator("input[name=include]:checked").all():
        box.uncheck()
    page.locator("label", has_text="Shop customers").first.get_by_role("checkbox").check()
    expect(page.locator(".funnel-final dd")).to_have_text("5")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").click()
    send_now(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("It is a draft again. Nothing was sent.")).to_be_visible()
    send_now(page)
    expect(page.locator("#progress").get_by_text("Finished on")).to_be_visible(timeout=PATIENCE_MS)
    assert figures(page) == {"Sent": 5, "Waiting": 0, "Failed": 0, "Skipped": 0}


def send_now(page: Page) -> None:
    page.get_by_role("button", name="Send now").click()
    dialog = page.get_by_role("dialog", name="Send to 5 people?")
    dialog.get_by_role("button", name="Send now").click()
    expect(page.get_by_text("Sending begins in")).to_be_visible()


def received(page: Page) -> dict[str, Mail]:
    """The mails of the broadcast by their recipients, as the mailbox has them."""
    page.locator(".page-head-actions summary").click()
    page.get_by_role("link", name="In the local mailbox").click()
    rows = page.locator("#messages .cell-main a")
    until(page, lambda: rows.count() == len(PEOPLE))
    mails = {}
    for row in rows.all():
        answer = page.request.get(f"{row.evaluate('(link) => link.href')}/raw")
        mails[row.inner_text()] = read(answer.body())
    assert set(mails) == PEOPLE
    assert mails[ZOE].subject == "News for Zoë"
    return mails


def look_at(page: Page, mail: Mail) -> None:
    """HTML in its frame (which asks for the pixel, as any reader's program), text and headers."""
    with page.expect_request(lambda request: request.url == mail.pixel):
        page.get_by_role("link", name=mail.to).click()
    frame = page.frame_locator(".mail-box iframe")
    expect(frame.get_by_text("Hello Jürgen")).to_be_visible()
    page.get_by_role("link", name="Text", exact=True).click()
    expect(page.get_by_text("Hello Jürgen")).to_be_visible()
    page.get_by_role("link", name="Headers", exact=True).click()
    expect(page.get_by_text("List-Unsubscribe-Post")).to_be_visible()


def read_and_leave(reader: APIRequestContext, page: Page, mails: dict[str, Mail]) -> list[str]:
    """Zoë opens twice, two click, François and Sören leave, Citra nearly; the pixels loaded."""
    opened = [mails[ZOE].pixel, mails[ZOE].pixel]
    for pixel in opened:
        assert reader.get(pixel).headers["content-type"] == "image/gif"
    for link in (*mails[ZOE].clicks, mails[SOREN].clicks[0]):
        answer = reader.get(link, max_redirects=0)
        assert answer.status == 302
        assert answer.headers["location"] in TARGETS
    assert len(mails[ZOE].clicks) == len(TARGETS)
    answer = reader.post(mails[FRANCOIS].one_click, form={"List-Unsubscribe": "One-Click"})
    assert answer.status == 200
    leave(page, mails[SOREN])
    leave(page, mails[CITRA])
    page.get_by_role("button", name="That was a mistake").click()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    page.goto(mails[CITRA].preferences)
    expect(page.get_by_label("Shop customers")).to_be_checked()
    page.get_by_label("Newsletter").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It takes effect at once.")).to_be_visible()
    assert page.context.cookies() == []
    return opened


def leave(page: Page, mail: Mail) -> None:
    page.goto(mail.unsubscribe_page)
    expect(page.get_by_text("“Shop customers”")).to_be_visible()
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()


def measured(page: Page, own: dict[str, int]) -> None:
    """The report says what this test counted."""
    to(page, "Broadcasts")
    page.get_by_role("row", name=NAME).get_by_role("link", name=NAME).click()
    page.get_by_role("link", name="Report").click()
    opened = f"{own['readers']} of 5 delivered · {own['opens']} opens in all"
    told = {
        "Opened": opened,
        "Clicked": "2 of 5 delivered · 4 clicks in all",
        "Unsubscribed": "2 of 5 delivered",
    }
    until(page, lambda: {name: rates(page)[name] for name in told} == told, lambda: rates(page))
    numbers = figures(page)
    assert (numbers["Recipients"], numbers["Sent"], numbers["Delivered"]) == (5, 5, 5)
    assert (numbers["Failed"], numbers["Skipped"], numbers["Deferred"]) == (0, 0, 0)
    clicks = {
        row.locator(".cell-sub").inner_text(): whole(row.locator(".numeric").first)
        for row in page.locator("#by-link tbody tr").all()
    }
    assert clicks == {
        "https://example.com/story": 2,
        "https://example.com/behind-the-scenes": 1,
        "https://example.com/tip": 1,
    }


def why(page: Page) -> None:
    """One plain answer for who left, who got it, and who was never to get it."""
    page.get_by_role("link", name="Why?").click()
    for address, told in (
        (FRANCOIS, "Unsubscribed"),
        (CITRA, "What the ledger says"),
        ("person1@people.example", "Not on it"),
    ):
        page.get_by_label("Why did this address get it, or not?").fill(address)
        page.get_by_role("button", name="Answer").click()
        expect(page.locator(".answer")).to_be_visible()
        expect(page.locator("main")).to_contain_text(told)


def newcomer(page: Page, phone: Page) -> None:
    """Somebody signs up, and confirms by the button the mail leads to."""
    to(page, "Lists")
    page.get_by_role("link", name="Shop customers").click()
    phone.goto(page.get_by_label("Address of the sign-up page").input_value())
    # Nobody is faster than two seconds: what is, is a program.
    phone.get_by_label("E-mail").press_sequentially(NEW, delay=100)
    phone.get_by_role("button", name="Subscribe").click()
    expect(phone.get_by_text(NEW)).to_be_visible()
    to(page, "Local mailbox")
    until(page, lambda: page.get_by_role("link", name=NEW).count() == 1)
    page.get_by_role("link", name=NEW).click()
    mail = read(page.request.get(f"{page.url}/raw").body())
    link = re.search(r"http\S+/confirm/[\w-]+", mail.text)
    assert link, mail.text
    phone.goto(link[0])
    phone.get_by_role("button", name="Yes, subscribe me").click()
    expect(phone.get_by_role("heading", name="You are subscribed")).to_be_visible()
    page.goto(page.url.partition("/mailbox")[0] + f"/contacts?q={NEW}")
    page.get_by_role("link", name=NEW).click()
    expect(page.locator("main").get_by_text("Subscribed", exact=True).first).to_be_visible()
