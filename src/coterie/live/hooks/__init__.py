"""Signed webhooks of shops, payments and surveys, which become messages like any other."""
