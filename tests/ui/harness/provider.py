"""A small identity provider that speaks OpenID Connect on this machine: it signs in whom it was told to, unasked.

POST /as says whom, and for how many seconds its word is good.
"""

import base64
import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "collab", "a secret between the two"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
WHO: dict[str, Any] = {"sub": "1", "seconds": 3600}
CODES: dict[str, dict[str, str]] = {}


async def configuration(request: Request) -> JSONResponse:
    base = str(request.base_url).rstrip("/")
    return JSONResponse({
        "issuer": base, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token",
        "jwks_uri": f"{base}/jwks", "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
    })  # fmt: skip


async def become(request: Request) -> JSONResponse:
    WHO.update(await request.json())
    return JSONResponse({})


async def authorize(request: Request) -> Response:
    asked, code = dict(request.query_params), secrets.token_urlsafe(16)
    CODES[code] = asked
    return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)


async def token(request: Request) -> JSONResponse:
    body = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    basic = request.headers.get("authorization", "").removeprefix("Basic ")
    given = base64.b64decode(basic).decode() if basic else f"{body.get('client_id')}:{body.get('client_secret')}"
    asked = CODES.pop(body.get("code", ""), None)
    if asked is None or given != f"{CLIENT}:{SECRET}":
        return JSONResponse({"error": "invalid_grant"}, 400)
    now, base = int(time.time()), str(request.base_url).rstrip("/")
    claims = {
        "iss": base,
        "sub": WHO["sub"],
        "aud": CLIENT,
        "iat": now,
        "exp": now + WHO["seconds"],
        "name": "<b>x</b>",
    }
    if "nonce" in asked:
        claims["nonce"] = asked["nonce"]
    signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)
    return JSONResponse({"access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": signed})


async def jwks(_request: Request) -> JSONResponse:
    return JSONResponse(KeySet([KEY]).as_dict(private=False))


app = Starlette(
    routes=[
        Route("/.well-known/openid-configuration", configuration),
        Route("/as", become, methods=["POST"]),
        Route("/authorize", authorize),
        Route("/token", token, methods=["POST"]),
        Route("/jwks", jwks),
    ]
)
