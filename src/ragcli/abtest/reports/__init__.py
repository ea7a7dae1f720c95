"""An analysis for other tools, for pull requests and as a page."""
