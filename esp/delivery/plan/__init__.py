"""(pure) The compiled message plan: one broadcast, encoded once, filled for each recipient."""

from esp.delivery.plan.compile import compile_plan
from esp.delivery.plan.message import MessagePlan, render_browser
from esp.delivery.plan.settings import (
    Content,
    FillError,
    ListId,
    PlanRecipient,
    PlanSettings,
)

__all__ = [
    "Content",
    "FillError",
    "ListId",
    "MessagePlan",
    "PlanRecipient",
    "PlanSettings",
    "compile_plan",
    "render_browser",
]
