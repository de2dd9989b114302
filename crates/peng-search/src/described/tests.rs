use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

fn space() -> Space {
    let text = r#"{"parameters": [
        {"name": "layers", "integer": {"from": 1, "to": 3}},
        {"name": "units_2", "choice": [16, 32], "when": [{"parameter": "layers", "is": [2, 3]}]},
        {"name": "units_3", "choice": [16, 32], "when": [
            {"parameter": "layers", "is": [3]}, {"parameter": "units_2", "is": [32]}]},
        {"name": "optimizer", "choice": ["sgd", "adam"]},
        {"name": "nesterov", "choice": [true, false],
         "when": [{"parameter": "optimizer", "is": ["sgd"]}]},
        {"name": "rate", "real": {"from": 1e-4, "to": 0.1, "log": true}}
    ]}"#;
    serde_json::from_str(text).unwrap()
}

proptest! {
    #[test]
    fn what_is_drawn_crossed_and_mutated_is_of_the_space(seed in any::<u64>()) {
        let space = space();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mother, father) = (space.random(&mut rng), space.random(&mut rng));
        let child = space.cross(&mother, &father, &mut rng);
        let mutant = space.mutate(&child, &mut rng);
        for values in [&mother, &father, &child, &mutant] {
            space.check(values).unwrap();
            let text = values.to_string();
            prop_assert_eq!(&text.parse::<Values>().unwrap(), values, "{}", text);
        }
        prop_assert_ne!(&mutant, &child);
        for (name, value) in child.iter() {
            let inherited = [&mother, &father].map(|parent| parent.get(name));
            prop_assert!(inherited == [None, None] || inherited.contains(&Some(value)));
        }
    }
}

#[test]
fn a_written_space_is_the_same_when_read() {
    let text = serde_json::to_string(&space()).unwrap();
    assert_eq!(serde_json::from_str::<Space>(&text).unwrap(), space());
}

#[test]
fn a_range_as_wide_as_numbers_go_is_drawn_from_all_over() {
    let text = r#"{"parameters": [{"name": "a", "real": {"from": -1e308, "to": 1e308}}]}"#;
    let space: Space = serde_json::from_str(text).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let below = |_: &usize| space.random(&mut rng).real("a").unwrap() < 0.0;
    let below = (0..32).filter(below).count();
    assert!((4..28).contains(&below), "{below}");
}

#[test]
fn values_of_another_space_are_refused() {
    let message = |text: &str| {
        let values: Values = text.parse().unwrap();
        space().check(&values).unwrap_err().to_string()
    };
    let adam = r#""optimizer":"adam","rate":0.001"#;
    assert!(message(&format!("{{{adam}}}")).contains(r#"no value for "layers""#));
    assert!(message(&format!(r#"{{"layers":4,{adam}}}"#)).contains(r#"has 4 for "layers""#));
    let odd = message(&format!(r#"{{"layers":1,"units_2":16,{adam}}}"#));
    assert!(
        odd.contains(r#"value for "units_2", which is no active"#),
        "{odd}"
    );
    assert!("[1]".parse::<Values>().is_err());
}

#[test]
fn errors_name_the_parameter_and_what_would_be_right() {
    let message = |parameters: &str| {
        let text = format!(r#"{{"parameters": [{parameters}]}}"#);
        serde_json::from_str::<Space>(&text)
            .unwrap_err()
            .to_string()
    };
    for (parameters, expected) in [
        ("", "the space has 0 parameters"),
        (
            r#"{"name": "a b", "choice": [1]}"#,
            r#""a b": name must be"#,
        ),
        (
            r#"{"name": "a", "choice": []}"#,
            r#""a": choice must be 1 to 1,000"#,
        ),
        (r#"{"name": "a", "choice": [1, 1]}"#, "different values"),
        (r#"{"name": "a"}"#, "one of choice, integer and real"),
        (
            r#"{"name": "a", "integer": {"from": 2, "to": 1}}"#,
            "not above its to",
        ),
        (
            r#"{"name": "a", "real": {"from": 0, "to": 1, "log": true}}"#,
            "real.from must be above 0",
        ),
        (
            r#"{"name": "a", "choice": [1], "when": [{"parameter": "b", "is": [1]}]}"#,
            "a parameter that comes before",
        ),
        (
            r#"{"name": "b", "choice": [1]},
               {"name": "a", "choice": [1], "when": [{"parameter": "b", "is": [2]}]}"#,
            r#"values that "b" can have"#,
        ),
        (r#"{"name": "a", "chioce": [1]}"#, "unknown field `chioce`"),
    ] {
        let error = message(parameters);
        assert!(error.contains(expected), "{parameters}: {error}");
    }
}
