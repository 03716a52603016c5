"""The tables that coturn reads while it runs, and what they hold for a configuration. Pure."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from turnrelay import config, ranges

REFUSE_ALL: Final = -1
"""A total quota that no count is below; 0 would mean no limit."""

_BYTES_MAX: Final = (1 << 32) - 1
"""coturn counts in 32 bits."""

# The names and shapes of coturn's own schema (schema.sql), with those of tables that stay empty:
# coturn creates what it misses, which a reader under WAL must not have to do.
TABLES: Final = (
    (
        "turnusers_lt (realm varchar(127) default '', name varchar(512), hmackey char(128),"
        " primary key (realm, name))"
    ),
    "turn_secret (realm varchar(127) default '', value varchar(256), primary key (realm, value))",
    (
        "allowed_peer_ip (realm varchar(127) default '', ip_range varchar(256),"
        " primary key (realm, ip_range))"
    ),
    (
        "denied_peer_ip (realm varchar(127) default '', ip_range varchar(256),"
        " primary key (realm, ip_range))"
    ),
    "turn_origin_to_realm (origin varchar(127), realm varchar(127), primary key (origin))",
    (
        "turn_realm_option (realm varchar(127) default '', opt varchar(32), value varchar(128),"
        " primary key (realm, opt))"
    ),
    (
        "oauth_key (kid varchar(128), ikm_key varchar(256), timestamp bigint default 0,"
        " lifetime integer default 0, as_rs_alg varchar(64) default '', realm varchar(127),"
        " primary key (kid))"
    ),
    "admin_user (name varchar(32), realm varchar(127), password varchar(127), primary key (name))",
)


class Statements(NamedTuple):
    """How a table is read and changed, with every value a parameter."""

    select: str
    delete: str
    insert: str


STATEMENTS: Final[dict[str, Statements]] = {
    "turn_secret": Statements(
        "SELECT realm, value FROM turn_secret",
        "DELETE FROM turn_secret WHERE realm = ? AND value = ?",
        "INSERT INTO turn_secret (realm, value) VALUES (?, ?)",
    ),
    "allowed_peer_ip": Statements(
        "SELECT realm, ip_range FROM allowed_peer_ip",
        "DELETE FROM allowed_peer_ip WHERE realm = ? AND ip_range = ?",
        "INSERT INTO allowed_peer_ip (realm, ip_range) VALUES (?, ?)",
    ),
    "denied_peer_ip": Statements(
        "SELECT realm, ip_range FROM denied_peer_ip",
        "DELETE FROM denied_peer_ip WHERE realm = ? AND ip_range = ?",
        "INSERT INTO denied_peer_ip (realm, ip_range) VALUES (?, ?)",
    ),
    "turn_realm_option": Statements(
        "SELECT realm, opt, value FROM turn_realm_option",
        "DELETE FROM turn_realm_option WHERE realm = ? AND opt = ? AND value = ?",
        "INSERT INTO turn_realm_option (realm, opt, value) VALUES (?, ?, ?)",
    ),
}

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What coturn is to read. Its repr is empty of the secrets."""

    realm: str
    secrets: frozenset[str] = field(repr=False)
    user_quota: int
    total_quota: int
    """``REFUSE_ALL``, or at most so many allocations."""
    max_bps: int
    """Bytes a second that a new allocation may carry in each direction; 0: no limit."""
    denied: frozenset[str]
    """coturn ranges, on top of the built-in ones."""
    allowed: frozenset[str]


def content(
    *, settings: config.Config, secrets: frozenset[str], refuse_all: bool = False
) -> Content:
    """Return what coturn is to read for a configuration."""
    live = settings.live
    return Content(
        realm=settings.realm,
        secrets=secrets,
        user_quota=live.allocations_per_user,
        total_quota=REFUSE_ALL if refuse_all else live.allocations_per_relay,
        max_bps=min((live.bandwidth_per_allocation or 0) // 8, _BYTES_MAX),
        denied=_ranges(live.deny),
        allowed=_ranges(live.allow),
    )


def _ranges(networks: tuple[ranges.Network, ...]) -> frozenset[str]:
    return frozenset(text for network in networks for text in ranges.render(network))


def rows(content: Content) -> dict[str, frozenset[Row]]:
    """Return what each table holds."""

    def of_realm(values: frozenset[str]) -> frozenset[Row]:
        return frozenset((content.realm, value) for value in values)

    return {
        "turn_secret": of_realm(content.secrets),
        "allowed_peer_ip": of_realm(content.allowed),
        "denied_peer_ip": of_realm(content.denied),
        "turn_realm_option": frozenset(
            {
                (content.realm, "user-quota", str(content.user_quota)),
                (content.realm, "total-quota", str(content.total_quota)),
                (content.realm, "max-bps", str(content.max_bps)),
            }
        ),
    }
