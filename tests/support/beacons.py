"""Reports as clients send them, and what is counted of them."""

from tests.support import endpoints


async def answer(endpoint: endpoints.Running, **headers: str) -> tuple[str, list[str]]:
    """Return the token and the URLs of an answer."""
    reply = await endpoint.ask({"country": "DE"}, **headers)
    return reply.headers["X-Turnfleet-Rid"], [url for one in reply.json for url in one["urls"]]


async def counted(endpoint: endpoints.Running, name: str) -> dict[str, float]:
    """Return a metric's samples by their labels."""
    page = (await endpoint.get("/metrics")).body.decode()
    lines = [line.rpartition(" ") for line in page.splitlines() if line.startswith(name)]
    return {labels.removeprefix(name): float(value) for labels, _, value in lines if float(value)}
