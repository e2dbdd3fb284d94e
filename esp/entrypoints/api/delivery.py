"""What is on its way, and forecasts, over the API."""

from __future__ import annotations

from dataclasses import asdict

from apiflask import APIBlueprint

from esp.broadcasts import compose, forecast, queries
from esp.delivery import overview
from esp.delivery.lines import Line, lines
from esp.entrypoints.api.frame import PREFIX, account_id, now, runtime, session
from esp.entrypoints.api.shapes import delivery as shapes
from esp.errors import N_, NotFound

blueprint = APIBlueprint("delivery", __name__, url_prefix=PREFIX, tag="Delivery")


@blueprint.get("/delivery")
@blueprint.output(shapes.Delivery)
def show() -> shapes.Delivery:
    """What waits, what receivers answer, and what holds mail up"""
    which, moment = (session(), account_id()), now()
    queue = overview.queue(*which, delivers_directly=runtime().settings.delivers_directly)
    ways = forecast.known(*which, moment)
    activity = overview.activity(*which, moment)
    found = lines(queue, activity, ways.own, ways.common, ways.names, moment)
    running = forecast.expected(queries.on_the_way(*which), queue, ways, moment)
    return shapes.Delivery.model_validate(
        {
            "broadcasts": [
                {
                    "broadcast_id": one.broadcast.id,
                    "name": one.broadcast.name,
                    "state": one.broadcast.state,
                    "waiting": one.waiting,
                    "deferred": one.deferred,
                    "ends_at": one.end.at,
                    "bound": one.end.bound,
                }
                for one in running
            ],
            "providers": [_line(line) for line in found],
            "replies": [asdict(reply) for reply in overview.replies(*which, moment)],
        }
    )


@blueprint.get("/broadcasts/<id:broadcast_id>/forecast")
@blueprint.output(shapes.Forecast)
def foretell(broadcast_id: int) -> shapes.Forecast:
    """When a draft or a scheduled broadcast would be through

    Its audience step by step, by provider, with the time under today's limits.
    """
    broadcast = compose.get(session(), account_id(), broadcast_id)
    if broadcast.state not in ("draft", "scheduled"):
        raise NotFound(N_("It has begun: its delivery tells when it will be through."))
    found = forecast.forecast(session(), runtime().settings, broadcast, now())
    return shapes.Forecast.model_validate(
        {
            "broadcast_id": broadcast_id,
            "audience": asdict(found.funnel) | {"final": found.funnel.final},
            "starts_at": found.starts_at,
            "ends_at": found.end.at,
            "bound": found.end.bound,
            "is_direct": found.is_direct,
            "providers": [
                {
                    "provider": part.provider,
                    "recipients": part.recipients,
                    "ends_at": part.end.at,
                    "bound": part.end.bound,
                }
                for part in found.parts
            ],
        }
    )


def _line(line: Line) -> dict[str, object]:
    return {
        "provider": line.provider,
        "pool_id": line.pool_id or None,
        "waiting": line.waiting,
        "deferred": line.deferred,
        "waiting_since": line.since,
        "last_hour": asdict(line.activity),
        "standing": asdict(line.standing),
        "warm_up_allowance": line.allowance,
        "warm_up_sent": line.sent_today,
    }
