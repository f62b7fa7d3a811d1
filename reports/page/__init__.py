"""The rooms of the report page: what is stored, links, sections, one page per category and K."""
