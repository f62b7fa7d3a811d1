"""From stored runs to tables, figures and pages; trains nothing."""
