"""What a final no means, and which of them say that the address is dead."""

from __future__ import annotations

import pytest

from esp.delivery.smtp.envelope import Outcome
from esp.delivery.verdicts import judge, suppresses

CASES = [
    # stage, code, enhanced, text, verdict
    ("rcpt", 550, "5.1.1", "The email account that you tried to reach does not exist", "invalid"),
    ("rcpt", 550, "5.1.10", "Recipient not found by SMTP address lookup", "invalid"),
    ("rcpt", 550, "", "No such user here", "invalid"),
    ("rcpt", 550, "", "<ana@example.net>: Recipient address rejected: User unknown", "invalid"),
    ("rcpt", 554, "", "delivery error: dd This user doesn't have a yahoo.com account", "invalid"),
    ("rcpt", 552, "", "1 Requested mail action aborted, mailbox not found", "invalid"),
    ("rcpt", 550, "5.5.0", "Requested action not taken: mailbox unavailable", "invalid"),
    ("rcpt", 550, "5.2.1", "The email account that you tried to reach is disabled", "inactive"),
    ("rcpt", 552, "5.2.2", "The email account is over quota", "full"),
    ("dot", 552, "5.3.4", "Message too big", "too_large"),
    ("mail", 0, "5.3.4", "The message is larger than the server takes.", "too_large"),
    ("mail", 0, "5.6.7", "The server does not take internationalised addresses.", "malformed"),
    ("dot", 550, "5.7.1", "Our system has detected that this message is likely spam", "policy"),
    ("rcpt", 550, "5.7.1", "Unfortunately, messages from [192.0.2.1] weren't sent", "policy"),
    ("dot", 550, "5.7.26", "This mail has been blocked because it is unauthenticated", "policy"),
    ("dot", 554, "", "Reject due to policy restrictions", "policy"),
    ("rcpt", 550, "5.1.1", "Rejected: listed by a block list", "policy"),
    ("mail", 553, "5.7.2", "[TSS09] All messages will be permanently deferred", "policy"),
    ("dot", 554, "5.0.0", "Transaction failed", "rejected"),
]


@pytest.mark.standard("DSN-12")
@pytest.mark.parametrize(("stage", "code", "enhanced", "text", "verdict"), CASES)
def test_reasons(stage, code, enhanced, text, verdict):
    assert judge(Outcome("failed", code, enhanced, text, stage)) == verdict


@pytest.mark.standard("DSN-14")
def test_only_a_dead_address_is_suppressed():
    verdicts = {case[4] for case in CASES}
    assert {verdict for verdict in verdicts if suppresses(verdict)} == {"invalid"}
