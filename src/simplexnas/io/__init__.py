"""Files, paths, provenance, errors, records: what every other room stands on."""
