"""The server behind the page: who may connect and what may be uploaded."""
