"""Which coturn is installed: asks the program itself."""

import asyncio

from turnrelay import features


async def detect(turnserver: str) -> features.Features | str:
    """Return what the program at ``turnserver`` can do, or a sentence that says why it is unfit."""
    try:
        process = await asyncio.create_subprocess_exec(
            turnserver,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        return f"{turnserver} cannot be run: {error.strerror}"
    try:
        async with asyncio.timeout(10):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"{turnserver} --version does not end"
    version = features.parse(output.decode("utf-8", "replace"))
    if version is None:
        return f"{turnserver} --version prints no version: it is not coturn"
    if version < features.OLDEST:
        return f"coturn {version} is too old: {features.OLDEST} or later is needed"
    return features.of(version)
