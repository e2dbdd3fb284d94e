"""One message to many: drafts, schedules, audiences, states."""
