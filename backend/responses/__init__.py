"""接单 / 揭榜: a published need is open to responses until a date; reviewers score them, the department picks."""
