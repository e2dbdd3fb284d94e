"""The settings: typed, described, read from the environment once, checked at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from esp.errors import SettingError

PREFIX = "ESP_"
# In place of an SMTP server: straight to the receivers' own.
DIRECT = "direct:"


def _bind(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be HOST:PORT, for example 127.0.0.1:8000")
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    return value.rstrip("/")


def _words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _networks(value: object) -> object:
    words = _words(value)
    return tuple(ip_network(w) if isinstance(w, str) else w for w in words)  # type: ignore[attr-defined]  # an iterable by now


def _smtp_url(value: str) -> str:
    if value and value != DIRECT and urlsplit(value).scheme not in (
        "smtp", "smtps", "smtp+starttls",
    ):  # fmt: skip
        raise ValueError(
            "must be smtp://, smtp+starttls:// or smtps://user:password@host:port, or direct:"
        )
    return value


def _nameservers(value: tuple[str, ...]) -> tuple[str, ...]:
    for word in value:
        nameserver(word)
    return value


def nameserver(value: str) -> tuple[str, int]:
    """Address and port of `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1` or `[2001:db8::1]:53`."""
    host, colon, port = value.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = value, "53"
    try:
        address = ip_address(host.strip("[]"))
        number = int(port) if port.isascii() and port.isdigit() else 0
    except ValueError:
        number = 0
    if not 1 <= number <= 65535:
        raise ValueError("must be addresses of nameservers, for example 127.0.0.1 or 127.0.0.1:53")
    return str(address), number


Bind = Annotated[str, AfterValidator(_bind)]
Url = Annotated[str, AfterValidator(_url)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Nameservers = Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_nameservers)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks)]
SmtpUrl = Annotated[str, AfterValidator(_smtp_url)]


class Settings(BaseModel):
    """One value for each `ESP_…` variable; field `bind` is `ESP_BIND`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(
        Path("var"),
        description="Folder for the embedded servers, journals and the generated secret key.",
    )
    bind: Bind = Field("127.0.0.1:8000", description="Where the web server listens.")
    inbound_bind: Bind = Field(
        "127.0.0.1:2525", description="Where the SMTP server for bounces and replies listens."
    )
    mailbox_bind: Bind | Literal[""] = Field(
        "",
        description="Where the local mailbox takes mail; empty: `esp run` picks a free port.",
    )
    base_url: Url | Literal[""] = Field(
        "",
        description="The address people reach the pages under; empty: http:// and `ESP_BIND`.",
    )
    tracking_url: Url | Literal[""] = Field(
        "", description="The address of pixel and click links; empty: `ESP_BASE_URL`."
    )
    trusted_proxies: Networks = Field(
        (), description="Networks of reverse proxies whose X-Forwarded-* headers are believed."
    )
    database_url: str = Field(
        "", description="PostgreSQL address of the application's role; empty: embedded."
    )
    database_owner_url: str = Field(
        "", description="PostgreSQL address of the role that owns the tables, for `esp migrate`."
    )
    redis_url: str = Field("", description="Redis or Valkey address; empty: embedded.")
    secret_key: str = Field(
        "",
        description="Key that signs links and encrypts secrets; empty: made in `ESP_DATA_DIR`.",
    )
    old_secret_keys: Words = Field(
        (), description="Earlier keys, still accepted, so that links in old mails keep working."
    )
    smtp_url: SmtpUrl = Field(
        "",
        description="Transport for accounts without one of their own; `direct:` delivers to the "
        "receivers' own servers; empty: the local mailbox.",
    )
    smtp_connections: int = Field(
        10, ge=1, le=500, description="Connections a sending process opens to one transport."
    )
    dns: Nameservers = Field(
        (),
        description="Nameservers asked about receivers and senders (address or address:port); "
        "empty: the system's.",
    )
    mx_port: int = Field(
        25, ge=1, le=65535, description="Port of the receivers' hosts; another is for trials only."
    )
    bounce_domain: str = Field(
        "bounces.localhost",
        min_length=1,
        description="Domain of return paths; its MX is the inbound server.",
    )
    system_from: str = Field(
        "no-reply@esp.localhost", description="Sender of password resets and notices."
    )
    web_workers: int = Field(2, ge=1, le=64, description="Processes of the web server.")
    workers: int = Field(1, ge=1, le=64, description="Processes for imports and returns.")
    sending_workers: int = Field(1, ge=1, le=64, description="Processes that send.")
    undo_seconds: int = Field(
        10, ge=0, le=600, description="How long `send now` can be taken back, in seconds."
    )
    upload_limit_mb: int = Field(
        512, ge=1, le=4096, description="Largest contact file that is taken, in MB."
    )
    demo: bool = Field(
        True, description="Whether the first `esp run` makes a demo account with sample data."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    log_format: Literal["text", "json"] = Field("text", description="Form of the log lines.")

    @property
    def public_url(self) -> str:
        """Address of the pages, without a closing slash."""
        return self.base_url or f"http://{self.bind}"

    @property
    def public_tracking_url(self) -> str:
        """Address of pixel and click links, without a closing slash."""
        return self.tracking_url or self.public_url

    @property
    def delivers_directly(self) -> bool:
        """Whether the installation's own mail goes straight to the receivers."""
        return self.smtp_url == DIRECT

    @property
    def secure(self) -> bool:
        """Whether people reach the pages over HTTPS."""
        return self.public_url.startswith("https://")


def variable(field: str) -> str:
    """The environment variable of the settings field `field`."""
    return PREFIX + field.upper()


def _raw(environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in Settings.model_fields:
        name = variable(field)
        if name in environ:
            found[field] = environ[name]
        elif f"{name}_FILE" in environ:
            try:
                found[field] = Path(environ[f"{name}_FILE"]).read_text().strip()
            except OSError as error:
                raise SettingError(f"{name}_FILE can't be read: {error.strerror}.") from error
    return found


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from `ESP_*` variables (or files named by `ESP_*_FILE`); SettingError names one."""
    values: dict[str, object] = dict(_raw(os.environ if environ is None else environ))
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = variable(str(first["loc"][0]))
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise SettingError(f"{name} is wrong: {reason}. See docs/settings.md.") from None
    if settings.smtp_url and not settings.secure and not _stays_here(settings.smtp_url):
        raise SettingError(
            "ESP_SMTP_URL sends real mail, so ESP_BASE_URL must be an https:// address: "
            "links in the mails must not be plain. See docs/settings.md."
        )
    return settings


def _stays_here(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether mail to `host` can't leave this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # 127.0.0.1.example.com is a name like any other.
        return False
