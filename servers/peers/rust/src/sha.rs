// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! SHA-256, by OpenSSL, whose assembly the reference servers have too.
use openssl::sha::Sha256;
use std::sync::LazyLock;
use std::time::Instant;

const BLOCK_BYTES: usize = 16384;

pub type Digest = [u8; 32];

/// What the first round is of: made once, since to make it takes as long as a round.
static BLOCK: [u8; BLOCK_BYTES] = {
    let mut block = [0; BLOCK_BYTES];
    let mut at = 0;
    while at < BLOCK_BYTES {
        block[at] = (at % 251) as u8;
        at += 1;
    }
    block
};

/// Not openssl::sha::sha256, which looks the algorithm up by its name each time.
pub fn digest(bytes: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(bytes);
    hasher.finish()
}

/// Of a body; of none it is made once, as in the other servers: it is no work that such a request asks for.
pub fn of_body(bytes: &[u8]) -> Digest {
    static OF_NOTHING: LazyLock<Digest> = LazyLock::new(|| digest(b""));
    if bytes.is_empty() { *OF_NOTHING } else { digest(bytes) }
}

/// The step sha, as servers/sha.h tells it.
pub fn chain(rounds: u64) -> Digest {
    let mut block = BLOCK.to_vec();
    let mut result = Digest::default();
    for round in 0..rounds {
        if round > 0 {
            block[..result.len()].copy_from_slice(&result);
        }
        result = digest(&block);
    }
    result
}

pub fn round_ns() -> u128 {
    const ROUNDS: u64 = 200;
    let began = Instant::now();
    chain(ROUNDS);
    began.elapsed().as_nanos() / u128::from(ROUNDS)
}
