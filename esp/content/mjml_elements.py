"""(pure) The elements of MJML 4: where each may stand and which attributes it takes."""

from __future__ import annotations

_PADDING = "padding padding-top padding-right padding-bottom padding-left"
_INNER = (
    "inner-padding inner-padding-top inner-padding-right inner-padding-bottom inner-padding-left"
)
_FONT = "color font-family font-size font-style font-weight letter-spacing line-height"
_BACKGROUND = (
    "background-color background-position background-position-x background-position-y "
    "background-repeat background-size background-url"
)
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_BOX = f"{_PADDING} container-background-color align"
_SECTION = f"{_BACKGROUND} {_BORDER} {_PADDING} direction full-width text-align text-padding gap"
_LINK = "href rel target title name"
_DECORATION = "text-decoration text-transform text-align"

# What may stand where a reader sees it.
CONTENT = frozenset(
    [
        "mj-accordion",
        "mj-button",
        "mj-carousel",
        "mj-divider",
        "mj-image",
        "mj-navbar",
        "mj-raw",
        "mj-social",
        "mj-spacer",
        "mj-table",
        "mj-text",
    ]
)
COMMON = frozenset({"css-class", "mj-class"})

CHILDREN: dict[str, frozenset[str]] = {
    "mjml": frozenset({"mj-head", "mj-body", "mj-raw"}),
    "mj-head": frozenset(
        [
            "mj-attributes",
            "mj-breakpoint",
            "mj-font",
            "mj-html-attributes",
            "mj-preview",
            "mj-raw",
            "mj-style",
            "mj-title",
        ]
    ),
    "mj-body": frozenset({"mj-section", "mj-wrapper", "mj-hero", "mj-raw"}),
    "mj-wrapper": frozenset({"mj-section", "mj-hero", "mj-raw"}),
    "mj-section": frozenset({"mj-column", "mj-group", "mj-raw"}),
    "mj-group": frozenset({"mj-column", "mj-raw"}),
    "mj-column": CONTENT,
    "mj-hero": CONTENT,
    "mj-accordion": frozenset({"mj-accordion-element", "mj-raw"}),
    "mj-accordion-element": frozenset({"mj-accordion-title", "mj-accordion-text", "mj-raw"}),
    "mj-carousel": frozenset({"mj-carousel-image"}),
    "mj-navbar": frozenset({"mj-navbar-link", "mj-raw"}),
    "mj-social": frozenset({"mj-social-element", "mj-raw"}),
}

# Their content is HTML or text and is not looked into.
ENDING = frozenset(
    [
        "mj-accordion-text",
        "mj-accordion-title",
        "mj-button",
        "mj-html-attributes",
        "mj-navbar-link",
        "mj-preview",
        "mj-raw",
        "mj-social-element",
        "mj-style",
        "mj-table",
        "mj-text",
        "mj-title",
    ]
)

_ATTRIBUTES: dict[str, str] = {
    "mjml": "owa lang dir version",
    "mj-head": "",
    "mj-attributes": "",
    "mj-breakpoint": "width",
    "mj-font": "href name",
    "mj-html-attributes": "",
    "mj-preview": "",
    "mj-raw": "position",
    "mj-style": "inline",
    "mj-title": "",
    "mj-body": "background-color width id",
    "mj-wrapper": _SECTION,
    "mj-section": _SECTION,
    "mj-group": "background-color direction vertical-align width",
    "mj-column": (
        f"background-color {_BORDER} direction {_PADDING} vertical-align width "
        "inner-background-color "
        "inner-border inner-border-top inner-border-right inner-border-bottom inner-border-left "
        "inner-border-radius"
    ),
    "mj-hero": (
        f"{_BACKGROUND} {_PADDING} {_INNER} align background-height background-width border-radius "
        "container-background-color height inner-background-color mode vertical-align width"
    ),
    "mj-text": f"{_BOX} {_FONT} {_DECORATION} height vertical-align",
    "mj-button": (
        f"{_BOX} {_FONT} {_DECORATION} {_BORDER} {_LINK} background-color height inner-padding "
        "vertical-align width"
    ),
    "mj-image": (
        f"{_BOX} {_BORDER} {_LINK} alt fluid-on-mobile font-size full-width "
        "height max-height sizes "
        "src srcset usemap width"
    ),
    "mj-divider": f"{_BOX} border-color border-style border-width width",
    "mj-spacer": f"{_PADDING} {_BORDER} container-background-color height vertical-align",
    "mj-table": f"{_BOX} {_FONT} border cellpadding cellspacing role table-layout width",
    "mj-social": (
        f"{_BOX} {_FONT} {_INNER} {_DECORATION} border-radius icon-height "
        "icon-padding icon-size mode "
        "table-layout text-padding vertical-align"
    ),
    "mj-social-element": (
        f"{_PADDING} {_FONT} {_LINK} {_DECORATION} align alt background-color border-radius "
        "icon-height icon-padding icon-position icon-size sizes src srcset "
        "text-padding vertical-align"
    ),
    "mj-navbar": (
        f"{_PADDING} align base-url hamburger ico-align ico-close ico-color ico-font-family "
        "ico-font-size ico-line-height ico-open ico-padding ico-padding-top ico-padding-right "
        "ico-padding-bottom ico-padding-left ico-text-decoration ico-text-transform"
    ),
    "mj-navbar-link": f"{_PADDING} {_FONT} {_LINK} {_DECORATION}",
    "mj-accordion": (
        f"{_PADDING} border container-background-color font-family icon-align icon-height "
        "icon-position icon-unwrapped-alt icon-unwrapped-url icon-width icon-wrapped-alt "
        "icon-wrapped-url"
    ),
    "mj-accordion-element": (
        "background-color border font-family icon-align icon-height "
        "icon-position icon-unwrapped-alt "
        "icon-unwrapped-url icon-width icon-wrapped-alt icon-wrapped-url"
    ),
    "mj-accordion-title": f"{_PADDING} {_FONT} background-color",
    "mj-accordion-text": f"{_PADDING} {_FONT} background-color",
    "mj-carousel": (
        f"{_BOX} border-radius icon-width left-icon right-icon tb-border tb-border-radius "
        "tb-hover-border-color tb-selected-border-color tb-width thumbnails"
    ),
    "mj-carousel-image": f"{_LINK} alt border-radius src tb-border tb-border-radius thumbnails-src",
}
ATTRIBUTES: dict[str, frozenset[str]] = {
    name: frozenset(text.split()) | COMMON for name, text in _ATTRIBUTES.items()
}
EVERYWHERE = frozenset[str]().union(*ATTRIBUTES.values())
