"""What holds for the whole suite."""

import hypothesis

hypothesis.settings.register_profile("suite", deadline=None)  # real programs share the machine
hypothesis.settings.load_profile("suite")
