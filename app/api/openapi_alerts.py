"""The OpenAPI paths of endpoints and deliveries."""

from typing import Any

_ERRORS = {"default": {"$ref": "#/components/responses/Error"}}


def alert_paths(filters: list[dict[str, Any]]) -> dict[str, Any]:
    paths: dict[str, Any] = {
        "/api/v1/endpoints": {
            "get": operation("endpoints", "Where alerts go", "Endpoints"),
            "post": operation("addEndpoint", "Add one; a webhook's secret stands here, once", "Endpoint", 201)
            | with_body("NewEndpoint"),
        },
        "/api/v1/endpoints/test": {
            "post": operation("testNewEndpoint", "Send a test to one that is not kept", "EndpointTest")
            | with_body("NewEndpoint")
        },
        "/api/v1/endpoints/preview": {
            "post": operation("previewEndpoint", "What such rules would have sent", "Preview")
            | with_body("EndpointPreview", required=False)
        },
        "/api/v1/hosts": {
            "get": operation("calledHosts", "Every host that alerts have called", "CalledHosts")
        },
        "/api/v1/endpoints/{id}": {
            "get": operation("endpoint", "One endpoint", "Endpoint"),
            "patch": operation("changeEndpoint", "Change what is named", "Endpoint")
            | with_body("EndpointChange"),
            "delete": {
                "operationId": "removeEndpoint",
                "summary": "Remove it; what waits for it is dropped",
                "responses": {"204": {"description": "it is gone"}, **_ERRORS},
            },
        },
        "/api/v1/endpoints/{id}/test": {
            "post": operation(
                "testEndpoint", "Send a test to it, and wait for what it answers", "EndpointTest"
            ),
        },
        "/api/v1/endpoints/{id}/rotate-secret": {
            "post": operation("rotateSecret", "A new secret for a webhook, told here, once", "Endpoint")
            | with_body("SecretRotation"),
        },
        "/api/v1/deliveries": {
            "get": operation("deliveries", "What was sent, newest first", "DeliveryPage")
            | {"parameters": filters}
        },
        "/api/v1/deliveries/redeliver": {
            "post": operation(
                "redeliverSince", "All of one endpoint since a moment, again", "Redelivered", 202
            )
            | with_body("Redelivery")
        },
        "/api/v1/deliveries/{id}/redeliver": {
            "post": operation("redeliver", "One of them, again", "Redelivered", 202),
        },
    }
    for path, operations in paths.items():
        for one in operations.values() if "{id}" in path else ():
            one["parameters"] = [in_path("id", "as it was answered when it was made")]
    return paths


def operation(name: str, summary: str, shape: str | None, status: int = 200) -> dict[str, Any]:
    """`shape` None: an answer without a body."""
    answer: dict[str, Any] = {"description": summary}
    if shape is not None:
        answer["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
    return {"operationId": name, "summary": summary, "responses": {str(status): answer, **_ERRORS}}


def with_body(shape: str, *, required: bool = True) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
    return {"requestBody": {"required": required, "content": content}}


def in_path(name: str, words: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": words}
