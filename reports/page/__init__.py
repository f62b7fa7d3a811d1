"""The modules of the report page: stored runs, links, sections, one page per category and K."""
