//! Images of one's own, a folder a class.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use peng_nets::dataset::class_folders::{Error, load};
use peng_nets::dataset::{Check, source};
use peng_search::macro_space::Input;
use tch::Kind;

const INPUT: Input = Input {
    channels: 3,
    height: 4,
    width: 6,
};

/// One image a class and part: cats are red, dogs are blue and twice as large.
fn write(folder: &Path) {
    for part in ["train", "test"] {
        for (class, colour, scale) in [("cat", [200, 0, 0], 1), ("dog", [0, 0, 100], 2)] {
            let folder = folder.join(part).join(class);
            fs::create_dir_all(&folder).unwrap();
            let image = RgbImage::from_pixel(6 * scale, 4 * scale, Rgb(colour));
            image.save(folder.join("a.png")).unwrap();
            image.save(folder.join("b.BMP")).unwrap();
            fs::write(folder.join("notes.txt"), "no image").unwrap();
        }
    }
}

fn refused(damage: impl Fn(&Path)) -> Error {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    damage(folder.path());
    load(folder.path(), INPUT).unwrap_err()
}

#[test]
fn images_are_made_to_the_shape_and_classes_numbered_by_name() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("pets"));
    let parts = source::load("pets", folder.path(), INPUT, Check::Official).unwrap();
    assert_eq!((parts.train.len(), parts.train.classes()), (4, 2));
    assert_eq!(parts.train.images().size(), [4, 3, 4, 6]);
    let images = parts.train.images().to_kind(Kind::Int64);
    let pixel = |place: [i64; 4]| images.int64_value(&place);
    assert_eq!([pixel([0, 0, 3, 5]), pixel([0, 2, 3, 5])], [200, 0]);
    assert_eq!([pixel([3, 0, 0, 0]), pixel([3, 2, 0, 0])], [0, 100]);
    let labels: Vec<i64> = parts.test.labels().try_into().unwrap();
    assert_eq!(labels, [0, 0, 1, 1]);
    let grey = Input {
        channels: 1,
        ..INPUT
    };
    let parts = load(&folder.path().join("pets"), grey).unwrap();
    assert_eq!(parts.train.images().size(), [4, 1, 4, 6]);
}

#[test]
fn what_is_wrong_is_named() {
    let damaged = refused(|folder| {
        let path = folder.join("train/dog/a.png");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    });
    assert!(damaged.to_string().contains("train/dog/a.png"), "{damaged}");
    let empty = refused(|folder| {
        for file in ["a.png", "b.BMP"] {
            fs::remove_file(folder.join("test/cat").join(file)).unwrap();
        }
    });
    assert!(
        empty.to_string().contains("test/cat holds no image"),
        "{empty}"
    );
    let different = refused(|folder| fs::remove_dir_all(folder.join("test/cat")).unwrap());
    assert!(matches!(different, Error::Different { .. }), "{different}");
    let none = refused(|folder| fs::remove_dir_all(folder.join("test")).unwrap());
    assert!(none.to_string().contains("test cannot be read"), "{none}");
    let folder = tempfile::tempdir().unwrap();
    let error = source::load("pets", folder.path(), INPUT, Check::Any).unwrap_err();
    assert!(error.to_string().contains("train/CLASS/IMAGE"), "{error}");
}
