// Tries a server with OAuth clients that others have written. What to try it with comes as
// JSON on standard input; each line of the output is one thing that works. The first thing
// that does not ends it.
import { readFileSync } from 'node:fs';
import { webcrypto as crypto, X509Certificate } from 'node:crypto';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { Agent, fetch as undiciFetch } from 'undici';

const given = JSON.parse(readFileSync(0, 'utf8'));
const issuer = new URL(given.issuer);
const api = (base) => new URL('/v1/uploads', base);
const ca = readFileSync(given.ca);

let done = 0;
async function check(name, what) {
  try {
    await what();
  } catch (e) {
    console.log(`FAIL ${name}: ${e.stack}`);
    if (e.cause) console.log('cause:', JSON.stringify(e.cause, null, 1) ?? e.cause);
    process.exit(1);
  }
  done++;
  console.log(`ok ${name}`);
}
function assert(truth, text) {
  if (!truth) throw new Error(text);
}
async function refused(promise, text) {
  try {
    await promise;
  } catch (e) {
    return e;
  }
  throw new Error(`${text} was not refused`);
}

async function signingKey(pem, alg) {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const how = { ES256: { name: 'ECDSA', namedCurve: 'P-256' }, PS256: { name: 'RSA-PSS', hash: 'SHA-256' } }[alg];
  return crypto.subtle.importKey('pkcs8', der, how, false, ['sign']);
}
const lineKey = await signingKey(given.keyed.key, 'ES256');
const strictKey = await signingKey(given.strict.key, 'ES256');

// Clients that show a certificate.
const plain = new Agent({ connect: { ca } });
const showing = new Agent({ connect: { ca, cert: given.line.cert, key: given.line.key } });
const withoutCertificate = (url, options) => undiciFetch(url, { ...options, dispatcher: plain });
const withCertificate = (url, options) => undiciFetch(url, { ...options, dispatcher: showing });

// --- oauth4webapi -------------------------------------------------------------------------
const http = { [oauth.customFetch]: withoutCertificate };
const mutual = { [oauth.customFetch]: withCertificate };
let as;

await check('oauth4webapi: discovery (RFC 8414)', async () => {
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http }));
  assert(as.token_endpoint === `${given.issuer}/oauth2/token`, `token_endpoint is ${as.token_endpoint}`);
});

await check('oauth4webapi: discovery refuses another issuer', async () => {
  const other = new URL(given.issuer.replace('localhost', '127.0.0.1'));
  await refused((async () => oauth.processDiscoveryResponse(other, await oauth.discoveryRequest(other, { algorithm: 'oauth2', ...http })))(), 'another issuer');
});

await check('oauth4webapi: from a bare 401 to the authorization server (RFC 9728)', async () => {
  const bare = await withoutCertificate(api(issuer), {});
  assert(bare.status === 401, `status ${bare.status}`);
  const where = /resource_metadata="([^"]+)"/.exec(bare.headers.get('www-authenticate'))[1];
  assert(where.startsWith(given.issuer), `metadata at ${where}`);
  const rs = await oauth.processResourceDiscoveryResponse(issuer, await oauth.resourceDiscoveryRequest(issuer, http));
  assert(rs.authorization_servers[0] === given.issuer, `servers ${rs.authorization_servers}`);
});

async function tokenBy(id, authentication, options = http, server = as) {
  const c = { client_id: id };
  const response = await oauth.clientCredentialsGrantRequest(server, c, authentication, new URLSearchParams(), options);
  return oauth.processClientCredentialsResponse(server, c, response);
}
async function judge(token, options = http, headers = {}) {
  const request = new Request(api(issuer), { headers: { authorization: `Bearer ${token}`, ...headers } });
  return oauth.validateJwtAccessToken(as, request, given.issuer + '/api', { signingAlgorithms: ['ES256'], ...options });
}
async function call(token, options = http, base = issuer) {
  const response = await oauth.protectedResourceRequest(token, 'GET', api(base), new Headers(), null, options);
  assert(response.status === 200, `the API answered ${response.status}: ${await response.text()}`);
}

await check('oauth4webapi: client_secret_basic', async () => {
  const got = await tokenBy(given.secret.id, oauth.ClientSecretBasic(given.secret.secret));
  assert(got.token_type === 'bearer' && got.expires_in === 300, JSON.stringify(got));
  await judge(got.access_token);
  await call(got.access_token);
});

await check('oauth4webapi: client_secret_post is refused to who has no leave', async () => {
  const e = await refused(tokenBy(given.secret.id, oauth.ClientSecretPost(given.secret.secret)), 'a secret in the body');
  assert(e.status === 401, `${e}`);
});

let bearer;
await check('oauth4webapi: private_key_jwt', async () => {
  const got = await tokenBy(given.keyed.id, oauth.PrivateKeyJwt({ key: lineKey, kid: given.keyed.kid }));
  bearer = got.access_token;
  const claims = await judge(bearer);
  assert(claims.client_id === given.keyed.id, claims.client_id);
  await call(bearer);
});

const keyed = oauth.PrivateKeyJwt({ key: lineKey, kid: given.keyed.kid });
const status = async (id, by, token) => {
  const c = { client_id: id };
  return oauth.processIntrospectionResponse(as, c, await oauth.introspectionRequest(as, c, by, token, http));
};

await check('oauth4webapi: introspection (RFC 7662)', async () => {
  const got = await status(given.keyed.id, keyed, bearer);
  assert(got.active && got.client_id === given.keyed.id && got.token_type === 'Bearer', JSON.stringify(got));
  const other = await status(given.secret.id, oauth.ClientSecretBasic(given.secret.secret), bearer);
  assert(JSON.stringify(other) === '{"active":false}', JSON.stringify(other));
});

await check('oauth4webapi: revocation (RFC 7009)', async () => {
  const c = { client_id: given.keyed.id };
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, c, keyed, bearer, http));
  const response = await withoutCertificate(api(issuer), { headers: { authorization: `Bearer ${bearer}` } });
  assert(response.status === 401, `a revoked token is answered with ${response.status}`);
  assert(!(await status(given.keyed.id, keyed, bearer)).active, 'a revoked token is active');
});

await check('oauth4webapi: DPoP with the dialogue about nonces, of a strict client', async () => {
  const keys = await oauth.generateKeyPair('ES256');
  const c = { client_id: given.strict.id };
  const DPoP = oauth.DPoP(c, keys);
  const by = oauth.PrivateKeyJwt({ key: strictKey, kid: given.strict.kid });
  const ask = async () =>
    oauth.processClientCredentialsResponse(as, c, await oauth.clientCredentialsGrantRequest(as, c, by, new URLSearchParams(), { DPoP, ...http }));
  const e = await refused(ask(), 'a proof without nonce');
  assert(oauth.isDPoPNonceError(e), `the first answer is ${e}`);
  const got = await ask();
  assert(got.token_type === 'dpop', got.token_type);
  await call(got.access_token, { DPoP, ...http });
  await call(got.access_token, { DPoP, ...http });
  const asBearer = await withoutCertificate(api(issuer), { headers: { authorization: `Bearer ${got.access_token}` } });
  assert(asBearer.status === 401, `without a proof: ${asBearer.status}`);
  const thief = oauth.DPoP(c, await oauth.generateKeyPair('ES256'));
  await refused(
    (async () => {
      await oauth.protectedResourceRequest(got.access_token, 'GET', api(issuer), new Headers(), null, { DPoP: thief, ...http }).catch(() => {});
      await call(got.access_token, { DPoP: thief, ...http });
    })(),
    'a proof by another key',
  );
  const without = await refused(tokenBy(given.strict.id, by), 'a strict client without proof');
  assert(without.error === 'invalid_request', without.error);
});

for (const alg of ['PS256', 'EdDSA', 'Ed25519']) {
  await check(`oauth4webapi: DPoP by ${alg}`, async () => {
    const keys = await oauth.generateKeyPair(alg === 'EdDSA' ? 'Ed25519' : alg);
    const DPoP = oauth.DPoP({ client_id: given.keyed.id }, keys);
    const got = await tokenBy(given.keyed.id, keyed, { DPoP, ...http });
    await call(got.access_token, { DPoP, ...http });
  });
}

await check('oauth4webapi: tls_client_auth, and the token is bound to the certificate', async () => {
  const server = { ...as };
  const c = { client_id: given.line.id, use_mtls_endpoint_aliases: true };
  const response = await oauth.clientCredentialsGrantRequest(server, c, oauth.TlsClientAuth(), new URLSearchParams(), mutual);
  const got = await oauth.processClientCredentialsResponse(server, c, response);
  // The library judges tokens that are bound to a key, and knows of no other binding.
  const claims = JSON.parse(Buffer.from(got.access_token.split('.')[1], 'base64url'));
  const certificate = new X509Certificate(given.line.cert);
  const want = Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
  assert(claims.cnf['x5t#S256'] === want, JSON.stringify(claims.cnf));
  await call(got.access_token, mutual, given.mutual);
  await refused(call(got.access_token, http, given.mutual), 'the token without the certificate');
});

// --- openid-client ------------------------------------------------------------------------
const custom = { [client.customFetch]: withoutCertificate };

await check('openid-client: discovery, private_key_jwt, introspection, revocation', async () => {
  const config = await client.discovery(issuer, given.keyed.id, undefined, client.PrivateKeyJwt({ key: lineKey, kid: given.keyed.kid }), { algorithm: 'oauth2', ...custom });
  const got = await client.clientCredentialsGrant(config, { scope: 'devices.read' });
  assert(got.scope === 'devices.read', got.scope);
  const response = await client.fetchProtectedResource(config, got.access_token, api(issuer), 'GET');
  assert(response.status === 200, `status ${response.status}`);
  assert((await client.tokenIntrospection(config, got.access_token)).active, 'not active');
  await client.tokenRevocation(config, got.access_token);
  assert(!(await client.tokenIntrospection(config, got.access_token)).active, 'still active');
});

await check('openid-client: discovery as OpenID Connect has it', async () => {
  const config = await client.discovery(issuer, given.secret.id, given.secret.secret, client.ClientSecretBasic(given.secret.secret), custom);
  await client.clientCredentialsGrant(config);
});

await check('openid-client: DPoP, which it repeats with the nonce by itself', async () => {
  const config = await client.discovery(issuer, given.strict.id, undefined, client.PrivateKeyJwt({ key: strictKey, kid: given.strict.kid }), { algorithm: 'oauth2', ...custom });
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
  const got = await client.clientCredentialsGrant(config, {}, { DPoP });
  const response = await client.fetchProtectedResource(config, got.access_token, api(issuer), 'GET', null, new Headers(), { DPoP });
  assert(response.status === 200, `status ${response.status}`);
});

await check('openid-client: self_signed_tls_client_auth is not confused with tls_client_auth', async () => {
  const config = await client.discovery(issuer, given.line.id, { use_mtls_endpoint_aliases: true }, client.TlsClientAuth(), {
    algorithm: 'oauth2', [client.customFetch]: withCertificate,
  });
  await client.clientCredentialsGrant(config);
  const other = await client.discovery(issuer, given.self.id, { use_mtls_endpoint_aliases: true }, client.TlsClientAuth(), {
    algorithm: 'oauth2', [client.customFetch]: withCertificate,
  });
  await refused(client.clientCredentialsGrant(other), 'the certificate of another client');
  const agent = new Agent({ connect: { ca, cert: given.self.cert, key: given.self.key } });
  const self = await client.discovery(issuer, given.self.id, { use_mtls_endpoint_aliases: true }, client.TlsClientAuth(), {
    algorithm: 'oauth2', [client.customFetch]: (url, options) => undiciFetch(url, { ...options, dispatcher: agent }),
  });
  await client.clientCredentialsGrant(self);
});

// --- @azure/msal-node ---------------------------------------------------------------------
function microsoft(auth) {
  return new ConfidentialClientApplication({
    auth: { authority: given.issuer, knownAuthorities: [issuer.host], ...auth },
    system: { protocolMode: 'OIDC' },
  });
}
const everything = { scopes: ['https://api.partnercenter.microsoft.com/.default'] };

await check('msal-node: a secret', async () => {
  const got = await microsoft({ clientId: given.legacy.id, clientSecret: given.legacy.secret }).acquireTokenByClientCredential({ scopes: ['devices.read'] });
  await call(got.accessToken);
});

await check('msal-node: a secret without leave is refused', async () => {
  const e = await refused(microsoft({ clientId: given.secret.id, clientSecret: given.secret.secret }).acquireTokenByClientCredential({ scopes: ['devices.read'] }), 'a secret in the body');
  assert(`${e.errorCode} ${e.errorMessage}`.includes('invalid_client'), `${e}`);
});

await check('msal-node: a certificate', async () => {
  const app = microsoft({
    clientId: given.certificate.id,
    clientCertificate: { thumbprintSha256: given.certificate.thumbprint, privateKey: given.certificate.key },
  });
  const got = await app.acquireTokenByClientCredential({ scopes: ['devices.read'] });
  await call(got.accessToken);
});

console.log(`all ${done} work`);
await Promise.all([plain.close(), showing.close()]);
process.exit(0);
