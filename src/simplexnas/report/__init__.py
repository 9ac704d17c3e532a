"""From result files to tables, figures and statistics. No network runs here."""
