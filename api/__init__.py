"""Where vision, control and calibration meet: runs, storage, service, pages, the command line."""
