"""The API, `/api/v1`: one module a noun. Every answer says up to which position of the log it knows, and as of when."""
