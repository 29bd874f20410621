"""The OpenAPI paths of keys, audit log, backups, password and the import of labels."""

from typing import Any

from app.api.openapi_alerts import in_path, operation, with_body


def access_paths(audit_filters: list[dict[str, Any]], import_filters: list[dict[str, Any]]) -> dict[str, Any]:
    revoke = operation("revokeKey", "Revoke a key", None, 204)
    return {
        "/api/v1/keys": {
            "get": operation("keys", "API keys, without the keys themselves", "Keys"),
            "post": operation("makeKey", "A new one; it stands in this answer, once", "MadeKey", 201)
            | with_body("NewKey"),
        },
        "/api/v1/keys/{name}": {"delete": revoke | {"parameters": [in_path("name", "as it was made")]}},
        "/api/v1/audit": {
            "get": operation("audit", "What was changed, newest first", "Audit")
            | {"parameters": audit_filters}
        },
        "/api/v1/backups": {
            "get": operation("backups", "The backups on the box, newest first", "Backups"),
            "post": operation("makeBackup", "Make one now; it lies on the box", "MadeBackup", 201),
        },
        "/api/v1/password": {
            "post": operation("changePassword", "A new password; ends all sessions", None, 204)
            | with_body("NewPassword")
        },
        "/api/v1/confirm": {
            "get": operation("confirmed", "Whether the password must be typed again", "Confirmed"),
            "post": operation("confirm", "The password again, good for ten minutes", "Confirmed")
            | with_body("Confirmation"),
        },
        "/api/v1/labels/import": {
            "post": operation("importLabels", "A file of labels: CSV, or BIP-329", "ImportedLabels", 201)
            | {
                "parameters": import_filters,
                "requestBody": {
                    "required": True,
                    "description": "at most 5 MB and 100,000 lines; all or nothing",
                    "content": {
                        "text/csv": {"schema": {"type": "string"}},
                        "application/jsonl": {"schema": {"type": "string"}},
                    },
                },
            }
        },
    }
