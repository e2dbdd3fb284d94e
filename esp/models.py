"""All tables in one import, for migrations and the check that they match."""

from esp.accounts import models as accounts
from esp.broadcasts import models as broadcasts
from esp.contacts import models as contacts
from esp.content import models as content
from esp.db import Table
from esp.delivery import models as delivery
from esp.engagement import models as engagement
from esp.files import models as files
from esp.mailbox import models as mailbox
from esp.returns import models as returns
from esp.senders import models as senders
from esp.suppression import models as suppression

__all__ = [
    "Table",
    "accounts",
    "broadcasts",
    "contacts",
    "content",
    "delivery",
    "engagement",
    "files",
    "mailbox",
    "returns",
    "senders",
    "suppression",
]
