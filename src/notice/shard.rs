//! A part of a mailing, for sending from several machines.

use crate::mail::address;

/// One of several parts of a mailing: each recipient is in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    pub part: u64,
    pub of: u64,
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((part, of)) if 1 <= part && part <= of => Ok(Shard { part, of }),
            _ => Err("use `1/4` for the first of four parts".to_owned()),
        }
    }
}

impl Shard {
    /// Whether a recipient is in this part; only its address decides.
    pub fn holds(self, address: &lettre::Address) -> bool {
        address::hash(address) % u128::from(self.of) == u128::from(self.part - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recipient_is_in_one_part() {
        let parts: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|text| text.parse().unwrap()).to_vec();
        for number in 0..60 {
            let address = address::parse(&format!("sample{number}@b.example")).unwrap();
            assert_eq!(parts.iter().filter(|part| part.holds(&address)).count(), 1);
        }
        for wrong in ["", "1", "0/3", "4/3", "a/b", "1/0", "-1/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
