"""Engines that come with Harken as plug-ins, written against `harken.plugin` as anybody's would be."""
