//! Arbitrary messages: of the right type with any content, or any bytes.

use peng_proto::DESCRIPTORS;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value,
};
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// A method of the API.
pub(super) struct Method {
    /// `/package.Service/Method`.
    pub(super) path: String,
    input: MessageDescriptor,
}

/// All methods of the API.
pub(super) fn methods() -> Vec<Method> {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let mut methods = Vec::new();
    for service in pool.services() {
        if !service.full_name().starts_with("peng4nn.") {
            continue;
        }
        methods.extend(service.methods().map(|method| Method {
            path: format!("/{}/{}", service.full_name(), method.name()),
            input: method.input(),
        }));
    }
    methods
}

/// The body of a request: a few messages of `method`, some of them spoilt.
pub(super) fn body(method: &Method, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..random.random_range(0..4) {
        let mut message = match random.random_range(0..4) {
            0 => bytes(random),
            _ => message(&method.input, random, 0).encode_to_vec(),
        };
        if random.random_ratio(1, 4) {
            spoil(&mut message, random);
        }
        let length = u32::try_from(message.len()).unwrap();
        let compressed = u8::from(random.random_ratio(1, 50));
        let length = if random.random_ratio(1, 50) {
            random.random()
        } else {
            length
        };
        body.push(compressed);
        body.extend(length.to_be_bytes());
        body.extend(message);
    }
    if random.random_ratio(1, 20) {
        spoil(&mut body, random);
    }
    body
}

fn bytes(random: &mut ChaCha8Rng) -> Vec<u8> {
    let length = random.random_range(0..200);
    (0..length).map(|_| random.random()).collect()
}

fn spoil(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    match (bytes.len(), random.random_range(0..3)) {
        (0, _) => bytes.push(random.random()),
        (length, 0) => bytes.truncate(random.random_range(0..length)),
        (length, 1) => bytes[random.random_range(0..length)] = random.random(),
        (length, _) => bytes.insert(random.random_range(0..=length), random.random()),
    }
}

fn message(of: &MessageDescriptor, random: &mut ChaCha8Rng, depth: u32) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    for field in of.fields() {
        if depth < 6 && random.random_ratio(3, 4) {
            let value = if field.is_list() {
                let entries = random.random_range(0..6);
                Value::List((0..entries).map(|_| value(&field, random, depth)).collect())
            } else if field.is_map() {
                continue;
            } else {
                value(&field, random, depth)
            };
            message.set_field(&field, value);
        }
    }
    message
}

fn value(field: &FieldDescriptor, random: &mut ChaCha8Rng, depth: u32) -> Value {
    match field.kind() {
        Kind::Double => Value::F64(number(random)),
        #[allow(clippy::cast_possible_truncation)] // any number will do
        Kind::Float => Value::F32(number(random) as f32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(small(random)),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(random.random_range(-9..9)),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(random.random_range(0..9)),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(random.random()),
        Kind::Bool => Value::Bool(random.random()),
        Kind::String => Value::String(text(field.name(), random)),
        Kind::Bytes => Value::Bytes(bytes(random).into()),
        Kind::Enum(kind) => {
            let known = i32::try_from(kind.values().len()).unwrap();
            Value::EnumNumber(random.random_range(-1..=known))
        }
        Kind::Message(of) => Value::Message(message(&of, random, depth + 1)),
    }
}

fn small(random: &mut ChaCha8Rng) -> i32 {
    if random.random_ratio(1, 8) {
        random.random()
    } else {
        random.random_range(-2..20)
    }
}

fn number(random: &mut ChaCha8Rng) -> f64 {
    match random.random_range(0..64) {
        0 => f64::from_bits(random.random()),
        1..8 => *[
            f64::NAN,
            f64::INFINITY,
            0.0,
            -0.0,
            f64::MIN_POSITIVE,
            f64::MAX,
        ]
        .choose(random)
        .unwrap(),
        8..16 => f64::from(random.random_range(-10..200)) / 2.0,
        _ => f64::from(random.random_range(1..100_u32)),
    }
}

/// Names that are there now and then, so that requests come further than their check.
fn text(field: &str, random: &mut ChaCha8Rng) -> String {
    let (e, t) = (random.random_range(0..4), random.random_range(0..8));
    match (random.random_range(0..10), field) {
        (0, _) => random.random_iter::<char>().take(t * 40).collect(),
        (1, _) => String::new(),
        (_, "experiment_id") => format!("e-{e}"),
        (_, "trial_id") => format!("t-{t}"),
        (_, "page_token" | "resume_token") => t.to_string(),
        (2..=5, _) => format!("experiments/e-{e}/trials/t-{t}"),
        (6 | 7, _) => format!("experiments/e-{e}"),
        (8, _) => "searches/search".to_owned(),
        _ => format!("searches/search/candidates/{t}"),
    }
}
